//! One exchange from the HTTP request to the reply: each step in its order, and never back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Extensions, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;
use tracing::Instrument;

use crate::endpoint::completion::{RunToEnd, catch_panic};
use crate::endpoint::handler::{Exchange, ExchangeId, FlowHandler};
use crate::endpoint::head::Needed;
use crate::endpoint::options::{Observer, Options};
use crate::endpoint::pool::RsaPool;
use crate::endpoint::reader::Reader;
use crate::endpoint::replay::{Admitted, Claim, Outcome, ReplayMemory, Ticket};
use crate::endpoint::reply::{Reply, refused};
use crate::endpoint::report::ExchangeLog;
use crate::endpoint::{ExchangeReport, OnAuthenticated, ReplyBody, head};
use crate::envelope::Envelope;
use crate::message::{Action, FlowRequest, FlowResponse};
use crate::ring::KeyRing;
use crate::session::ReplySeal;
use crate::signature::verify_signature;
use crate::status::Refusal;
use crate::token::{TokenVerdict, verify_flow_token};
use wa_secrets::AppSecret;

/// Names the exchange on every reply, so that it is found in the log.
const EXCHANGE_ID: HeaderName = HeaderName::from_static("x-exchange-id");

/// How long a body may take to arrive; WhatsApp sends it with the head.
const BODY_TIME: Duration = Duration::from_secs(5);

/// A time that never comes, for deadlines beyond what the clock can hold.
const NEVER: Duration = Duration::from_hours(30 * 365 * 24);

/// Everything that exchanges share.
pub(crate) struct Pipeline<H> {
    ring: KeyRing,
    handler: H,
    options: Options,
    pool: RsaPool,
    app_secrets: Arc<[AppSecret]>,
    check_signature: bool,
    log: ExchangeLog,
    replay: Option<ReplayMemory>,
    reader: Reader,
    slots: Arc<Semaphore>,
    /// Slots in all; a semaphore has fewer than `max_in_flight` may say.
    slot_count: usize,
}

/// A request that was decrypted and found good.
struct Decrypted {
    request: FlowRequest,
    seal: ReplySeal,
    key: wa_keys::Fingerprint,
    token: TokenVerdict,
}

/// What is done when a request is ready for its handler, whether its client stays or not.
struct Work {
    decrypted: Decrypted,
    exchange: Exchange,
    deadline: tokio::time::Instant,
    ticket: Option<Ticket>,
    slot: OwnedSemaphorePermit,
}

impl<H> Pipeline<H> {
    pub(crate) fn new(ring: KeyRing, handler: H, options: Options, pool: RsaPool) -> Self {
        let slots = options.max_in_flight.get().min(Semaphore::MAX_PERMITS);
        let reader = Reader::new(options.body_limit);
        Self {
            ring,
            handler,
            options,
            pool,
            app_secrets: Arc::default(),
            check_signature: true,
            log: ExchangeLog::new(true),
            replay: None,
            reader,
            slots: Arc::new(Semaphore::new(slots)),
            slot_count: slots,
        }
    }

    pub(crate) fn with_checks(
        mut self,
        app_secrets: Arc<[AppSecret]>,
        check_signature: bool,
        replay: Option<ReplayMemory>,
    ) -> Self {
        self.app_secrets = app_secrets;
        self.check_signature = check_signature;
        self.log = ExchangeLog::new(check_signature);
        self.replay = replay;
        self
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.slot_count.saturating_sub(self.slots.available_permits())
    }
}

impl<H: FlowHandler> Pipeline<H> {
    /// Answers a request, whatever it is.
    pub(crate) async fn answer<B>(self: &Arc<Self>, request: Request<B>) -> Response<ReplyBody>
    where
        B: Body + Send,
        B::Data: Send,
    {
        let id = ExchangeId::random();
        let mut reporting = Reporting {
            report: ExchangeReport::new(id),
            started: Instant::now(),
            outcome: Err(Refusal::ClientLeft),
            log: &self.log,
            observer: self.options.observer.as_ref(),
        };
        let reply = self.exchange(request, &mut reporting.report).await;
        reporting.outcome = reply
            .as_ref()
            .map(|reply| reply.status)
            .map_err(|refusal| *refusal);
        drop(reporting);
        let mut response = reply.map_or_else(refused, Reply::into_response);
        if let Ok(id) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(EXCHANGE_ID, id);
        }
        response
    }

    async fn exchange<B>(
        self: &Arc<Self>,
        request: Request<B>,
        report: &mut ExchangeReport,
    ) -> Result<Reply, Refusal>
    where
        B: Body + Send,
        B::Data: Send,
    {
        let started = tokio::time::Instant::now();
        let deadline = started
            .checked_add(self.options.deadline)
            .unwrap_or_else(|| started + NEVER);
        let (body, extensions) = self.receive(request, deadline.min(started + BODY_TIME)).await?;
        let envelope = Envelope::parse(&body).inspect_err(|_| report.signed = self.check_signature)?;
        let admitted = match (&self.replay, envelope.sealed()) {
            (Some(replay), Some(sealed)) => replay.admit(sealed, &body, deadline).await?,
            _ => Admitted::First(None),
        };
        if self.check_signature {
            // Not before: anyone who has recorded a request can send it signed.
            report.signed = true;
            OnAuthenticated::call_in(&extensions);
        }
        let mut ticket = match admitted {
            Admitted::First(ticket) => ticket,
            Admitted::Repeat(outcome) => {
                report.repeats(&outcome);
                return outcome.reply.clone();
            }
        };
        drop(body);
        let prepared = self.prepare(envelope, &mut ticket, deadline, report).await;
        let (slot, decrypted) = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => {
                finish(ticket, report, Err(refusal));
                return Err(refusal);
            }
        };
        if !self.check_signature {
            OnAuthenticated::call_in(&extensions);
        }
        let exchange = Exchange {
            id: report.id,
            key: decrypted.key,
            token: decrypted.token,
            extensions,
        };
        let work = Work {
            decrypted,
            exchange,
            deadline,
            ticket,
            slot,
        };
        let work = Arc::clone(self).complete(work, report.clone());
        let (reply, took) = RunToEnd::new(work.in_current_span()).await;
        report.handler = Some(took);
        reply
    }

    /// Reads the body and checks its signature.
    async fn receive<B>(
        &self,
        request: Request<B>,
        deadline: tokio::time::Instant,
    ) -> Result<(Bytes, Extensions), Refusal>
    where
        B: Body + Send,
        B::Data: Send,
    {
        let (head, body) = request.into_parts();
        head::check(&head)?;
        let Needed {
            signature,
            extensions,
        } = head::needed(head);
        if self.pool.is_full() || self.slots.available_permits() == 0 {
            return Err(Refusal::Overloaded);
        }
        let body = timeout_at(deadline, self.reader.read(body))
            .await
            .map_err(|_| Refusal::BodyTooSlow)??;
        if self.check_signature {
            verify_signature(&self.app_secrets, signature.as_deref(), &body)?;
        }
        Ok((body, extensions))
    }

    /// Calls the handler and encrypts its response; returns how long the handler took.
    async fn complete(
        self: Arc<Self>,
        work: Work,
        report: ExchangeReport,
    ) -> (Result<Reply, Refusal>, Duration) {
        let handling = Instant::now();
        let Decrypted { request, seal, .. } = work.decrypted;
        let response = timeout_at(work.deadline, self.handle(request, work.exchange)).await;
        let took = handling.elapsed();
        let response = response.unwrap_or(Err(Refusal::HandlerTimedOut));
        let reply = response.and_then(|response| self.seal(response, seal, report.id));
        finish(work.ticket, &report, reply.clone());
        drop(work.slot);
        (reply, took)
    }

    /// Everything that is needed before the handler is called: a slot, the decrypted request, and its claim.
    async fn prepare(
        &self,
        envelope: Envelope,
        ticket: &mut Option<Ticket>,
        deadline: tokio::time::Instant,
        report: &mut ExchangeReport,
    ) -> Result<(OwnedSemaphorePermit, Decrypted), Refusal> {
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let slot = slot.map_err(|_| Refusal::Overloaded)?;
        let decrypting = Instant::now();
        let decrypted = timeout_at(deadline, self.decrypt(envelope))
            .await
            .unwrap_or(Err(Refusal::Overloaded));
        report.decrypt = Some(decrypting.elapsed());
        let decrypted = decrypted?;
        report.decrypted(&decrypted.request, decrypted.key, decrypted.token);
        if let (Some(replay), Some(ticket)) = (&self.replay, ticket) {
            let claim = replay.claim(ticket.mark()).await;
            report.replay_store_failed = claim.is_err();
            ticket.spend();
            if claim == Ok(Claim::Known) {
                return Err(Refusal::Replayed);
            }
        }
        Ok((slot, decrypted))
    }

    /// Decrypts on the pool, so that the serving threads stay free.
    async fn decrypt(&self, envelope: Envelope) -> Result<Decrypted, Refusal> {
        let ring = self.ring.clone();
        let app_secrets = Arc::clone(&self.app_secrets);
        let mode = self.options.token_signature;
        let work = move || {
            let opened = ring.open_envelope(envelope)?;
            let key = opened.key;
            let (payload, seal) = opened.into_parts();
            let request = FlowRequest::parse(payload)?;
            let token = verify_flow_token(mode, &app_secrets, &request)?;
            Ok(Decrypted {
                request,
                seal,
                key,
                token,
            })
        };
        let result = self.pool.submit(work).map_err(|_| Refusal::Overloaded)?;
        // The sender is dropped unused only while the runtime shuts down.
        result.await.unwrap_or(Err(Refusal::Overloaded))
    }

    /// Lets the handler answer. What operators need to know of it is logged here and nowhere else: errors and panics, error
    /// notifications, responses that phones cannot show.
    async fn handle(&self, request: FlowRequest, exchange: Exchange) -> Result<FlowResponse, Refusal> {
        let id = exchange.id;
        let span = tracing::info_span!(
            "flow_exchange",
            %id,
            action = request.label(),
            screen = request.loggable_screen(),
            key = tracing::field::Empty,
        );
        if !span.is_disabled() {
            span.record("key", exchange.key.short());
        }
        if self.options.log_payloads {
            let payload = String::from_utf8_lossy(request.expose_payload());
            tracing::debug!(parent: &span, %payload, "decrypted a request");
        }
        if let Some(notice) = request.error_notice() {
            let error = notice.label();
            self.log
                .handler(|suppressed| tracing::warn!(%id, error, suppressed, "a phone reports an error"));
        }
        let expects_screen = request.expects_screen();
        let answer = async {
            match (request.error_notice().cloned(), request.action()) {
                (Some(notice), _) => self.handler.error_notification(notice, request, exchange).await,
                (None, Action::Ping) => self.handler.ping(request, exchange).await,
                (None, _) => self.handler.handle(request, exchange).await,
            }
        };
        let response = catch_panic(answer).instrument(span).await.map_err(|error| {
            self.log.handler(
                |suppressed| tracing::error!(%id, error = error.chain(), suppressed, "the handler failed"),
            );
            error.refusal()
        })?;
        if expects_screen && let Err(problem) = response.check_schema() {
            self.log.handler(
                |suppressed| tracing::warn!(%id, %problem, suppressed, "phones cannot show the response"),
            );
        }
        Ok(response)
    }

    fn seal(&self, response: FlowResponse, seal: ReplySeal, id: ExchangeId) -> Result<Reply, Refusal> {
        let status = response.status();
        let json = response.into_json().map_err(|error| {
            self.log.handler(
                |suppressed| tracing::error!(%id, %error, suppressed, "the handler's response cannot be sent"),
            );
            Refusal::HandlerFailed
        })?;
        if self.options.log_payloads {
            tracing::debug!(%id, response = %String::from_utf8_lossy(&json), "encrypting a response");
        }
        if status != StatusCode::OK && self.options.plain_token_invalid {
            return Ok(Reply {
                status,
                content_type: "application/json",
                text: json.into(),
            });
        }
        Ok(Reply {
            status,
            content_type: "text/plain",
            text: seal.seal(json).into(),
        })
    }
}

/// Reports an exchange when it is over, also if it ends because nobody waits for it any more.
struct Reporting<'a> {
    report: ExchangeReport,
    started: Instant,
    outcome: Result<StatusCode, Refusal>,
    log: &'a ExchangeLog,
    observer: Option<&'a Observer>,
}

impl Drop for Reporting<'_> {
    fn drop(&mut self) {
        self.report.finish(self.started, self.outcome, self.log);
        if let Some(observer) = self.observer {
            observer(&self.report);
        }
    }
}

/// Gives the outcome to those who repeat the exchange.
fn finish(ticket: Option<Ticket>, report: &ExchangeReport, reply: Result<Reply, Refusal>) {
    if let Some(ticket) = ticket {
        ticket.finish(Outcome {
            id: report.id,
            action: report.action,
            reply,
        });
    }
}
