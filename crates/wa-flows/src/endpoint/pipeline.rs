//! One exchange, step by step, from the HTTP request to the HTTP response.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Extensions, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;
use tracing::Instrument;

use crate::endpoint::completion::{RunToEnd, catch_panic};
use crate::endpoint::handler::{Exchange, FlowHandler};
use crate::endpoint::head::Needed;
use crate::endpoint::options::{Observer, Options};
use crate::endpoint::pool::RsaPool;
use crate::endpoint::reader::Reader;
use crate::endpoint::replay::{Admitted, BodyHash, Claim, Outcome, ReplayMemory, Ticket, body_hash};
use crate::endpoint::report::ExchangeLog;
use crate::endpoint::response::{ResponseParts, refused};
use crate::endpoint::{ExchangeId, ExchangeReport, OnAuthenticated, ResponseBody, head};
use crate::envelope::Envelope;
use crate::message::{Action, FlowRequest, FlowResponse};
use crate::ring::KeyRing;
use crate::session::ResponseSeal;
use crate::signature::verified_mac;
use crate::status::Refusal;
use crate::token::{TokenVerdict, verify_flow_token};
use wa_secrets::AppSecret;

/// Carries the id of the exchange in every response, so that the exchange can be found in the log.
const EXCHANGE_ID: HeaderName = HeaderName::from_static("x-exchange-id");

/// The time in which a body must arrive; WhatsApp sends it together with the head.
const BODY_TIME: Duration = Duration::from_secs(5);

/// Replaces a deadline that is too far in the future for the clock's type.
const NEVER: Duration = Duration::from_hours(30 * 365 * 24);

/// The state that all exchanges of an endpoint share.
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
    /// The number of slots: `max_in_flight`, or the most that a semaphore can have.
    slot_count: usize,
}

/// A request whose signature is valid, if signatures are checked.
struct Received {
    body: Bytes,
    /// Its verified HMAC, which also identifies the body; `None` if signatures are not checked.
    mac: Option<BodyHash>,
    extensions: Extensions,
}

/// A decrypted request that passed all checks.
struct Decrypted {
    request: FlowRequest,
    seal: ResponseSeal,
    key: wa_keys::Fingerprint,
    token: TokenVerdict,
}

/// What [`Pipeline::complete`] needs to finish an exchange, even if the client disconnects.
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
    /// Handles any HTTP request, and reports the exchange.
    pub(crate) async fn answer<B>(self: &Arc<Self>, request: Request<B>) -> Response<ResponseBody>
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
        let response = self.exchange(request, &mut reporting.report).await;
        reporting.outcome = response
            .as_ref()
            .map(|response| response.status)
            .map_err(|refusal| *refusal);
        drop(reporting);
        let mut response = response.map_or_else(refused, ResponseParts::into_response);
        if let Ok(id) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(EXCHANGE_ID, id);
        }
        response
    }

    /// Runs the steps of an exchange in order. A step that fails returns a [`Refusal`], and the rest is
    /// skipped.
    ///
    /// The order bounds what an unauthenticated client can cost: every step before `prepare` is cheap, and
    /// the signature precedes everything that depends on the contents of the body.
    async fn exchange<B>(
        self: &Arc<Self>,
        request: Request<B>,
        report: &mut ExchangeReport,
    ) -> Result<ResponseParts, Refusal>
    where
        B: Body + Send,
        B::Data: Send,
    {
        let started = tokio::time::Instant::now();
        let deadline = started
            .checked_add(self.options.deadline)
            .unwrap_or_else(|| started + NEVER);
        let Received {
            body,
            mac,
            extensions,
        } = self.receive(request, deadline.min(started + BODY_TIME)).await?;
        let envelope = Envelope::parse(&body).inspect_err(|_| report.signed = self.check_signature)?;
        let admitted = match (&self.replay, envelope.decoded()) {
            (Some(replay), Some(decoded)) => {
                let hash = mac.unwrap_or_else(|| body_hash(&body));
                replay.admit(decoded, hash, deadline).await?
            }
            _ => Admitted::First(None),
        };
        if self.check_signature {
            // Only after the replay check, because a recorded request has a valid signature too.
            report.signed = true;
            OnAuthenticated::call_in(&extensions);
        }
        let mut ticket = match admitted {
            Admitted::First(ticket) => ticket,
            Admitted::Repeat(outcome) => {
                report.repeats(&outcome);
                return outcome.response.clone();
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
        let (response, took) = RunToEnd::new(work.in_current_span()).await;
        report.handler = Some(took);
        response
    }

    /// Reads the body and verifies its signature.
    async fn receive<B>(
        &self,
        request: Request<B>,
        deadline: tokio::time::Instant,
    ) -> Result<Received, Refusal>
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
        let mac = if self.check_signature {
            Some(verified_mac(&self.app_secrets, signature.as_deref(), &body)?)
        } else {
            None
        };
        Ok(Received {
            body,
            mac,
            extensions,
        })
    }

    /// Calls the handler and encrypts its response; also returns how long the handler took.
    async fn complete(
        self: Arc<Self>,
        work: Work,
        report: ExchangeReport,
    ) -> (Result<ResponseParts, Refusal>, Duration) {
        let handling = Instant::now();
        let Decrypted { request, seal, .. } = work.decrypted;
        let response = timeout_at(work.deadline, self.handle(request, work.exchange)).await;
        let took = handling.elapsed();
        let response = response.unwrap_or(Err(Refusal::HandlerTimedOut));
        let response = response.and_then(|response| self.seal(response, seal, report.id));
        finish(work.ticket, &report, response.clone());
        drop(work.slot);
        (response, took)
    }

    /// Does everything that precedes the handler: takes a slot, decrypts the request, and claims it in the
    /// replay store.
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

    /// Decrypts in the RSA pool, so that the serving threads stay free.
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
        // The sender is dropped without a result only while the runtime shuts down.
        result.await.unwrap_or(Err(Refusal::Overloaded))
    }

    /// Calls the handler. Logs what an operator needs to know about it: errors and panics, error
    /// notifications, and responses that phones cannot show.
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
        if let Some(notification) = request.error_notification() {
            let error = notification.label();
            self.log
                .handler(|suppressed| tracing::warn!(%id, error, suppressed, "a phone reports an error"));
        }
        let expects_screen = request.expects_screen();
        let answer = async {
            match (request.error_notification().cloned(), request.action()) {
                (Some(notification), _) => {
                    self.handler
                        .error_notification(notification, request, exchange)
                        .await
                }
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

    fn seal(
        &self,
        response: FlowResponse,
        seal: ResponseSeal,
        id: ExchangeId,
    ) -> Result<ResponseParts, Refusal> {
        let status = response.status();
        let json = response.into_json().map_err(|error| {
            self.log.handler(
                |suppressed| tracing::error!(%id, %error, suppressed, "the response cannot be sent"),
            );
            Refusal::HandlerFailed
        })?;
        if self.options.log_payloads {
            tracing::debug!(%id, response = %String::from_utf8_lossy(&json), "encrypting a response");
        }
        if status != StatusCode::OK && self.options.plain_token_invalid {
            return Ok(ResponseParts {
                status,
                content_type: "application/json",
                text: json.into(),
            });
        }
        Ok(ResponseParts {
            status,
            content_type: "text/plain",
            text: seal.seal(json).into(),
        })
    }
}

/// Reports an exchange when dropped, even if its future is dropped because the client disconnected.
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

/// Passes the outcome on to repeats of the exchange.
fn finish(ticket: Option<Ticket>, report: &ExchangeReport, response: Result<ResponseParts, Refusal>) {
    if let Some(ticket) = ticket {
        ticket.finish(Outcome {
            id: report.id,
            action: report.action,
            response,
        });
    }
}
