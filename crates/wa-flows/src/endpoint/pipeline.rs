//! One exchange, step by step, from the HTTP request to the HTTP response.

mod decrypt;
mod respond;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Extensions, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::endpoint::completion::RunToEnd;
use crate::endpoint::handler::{Exchange, FlowHandler};
use crate::endpoint::head::Needed;
use crate::endpoint::options::{Observer, Options};
use crate::endpoint::pool::RsaPool;
use crate::endpoint::reader::Reader;
use crate::endpoint::replay::{Admitted, BodyHash, Claim, Outcome, ReplayMemory, Ticket, body_hash};
use crate::endpoint::report::ExchangeLog;
use crate::endpoint::response::{ResponseParts, refused};
use crate::endpoint::{ExchangeId, ExchangeReport, OnAuthenticated, ResponseBody, TraceContext, head};
use crate::envelope::Envelope;
use crate::ring::KeyRing;
use crate::signature::verified_mac;
use crate::status::Refusal;
use decrypt::Decrypted;
use wa_secrets::AppSecret;

/// Carries the id of the exchange in every response, so that the exchange can be found in the log.
const EXCHANGE_ID: HeaderName = HeaderName::from_static("x-exchange-id");

/// The time in which a body must arrive; WhatsApp sends it together with the head.
const BODY_TIME: Duration = Duration::from_secs(5);

/// Replaces a deadline that is too far in the future for the clock's type.
const NEVER: Duration = Duration::from_hours(30 * 365 * 24);

/// What a [`Pipeline`] consists of, checked by the builder.
pub(crate) struct Parts<H> {
    pub(crate) ring: KeyRing,
    pub(crate) handler: H,
    pub(crate) app_secrets: Arc<[AppSecret]>,
    pub(crate) check_signature: bool,
    pub(crate) replay: Option<ReplayMemory>,
    pub(crate) pool: RsaPool,
    pub(crate) options: Options,
}

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
    trace: Option<TraceContext>,
    extensions: Extensions,
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
    pub(crate) fn new(parts: Parts<H>) -> Self {
        let Parts {
            ring,
            handler,
            app_secrets,
            check_signature,
            replay,
            pool,
            options,
        } = parts;
        let slot_count = options.max_in_flight.get().min(Semaphore::MAX_PERMITS);
        Self {
            ring,
            handler,
            pool,
            app_secrets,
            check_signature,
            log: ExchangeLog::new(check_signature),
            replay,
            reader: Reader::new(options.body_limit),
            slots: Arc::new(Semaphore::new(slot_count)),
            slot_count,
            options,
        }
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
        let exchange = async {
            let response = self.exchange(request, &mut reporting.report).await;
            reporting.outcome = response
                .as_ref()
                .map(|response| response.status)
                .map_err(|refusal| *refusal);
            drop(reporting);
            response
        };
        let response = exchange.instrument(span(id)).await;
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
            trace,
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
            trace,
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
            trace,
            extensions,
        } = head::needed(head);
        if let Some(trace) = &trace {
            Span::current().record("trace_id", trace.trace_id());
        }
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
            trace,
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
        decrypted.describe(&Span::current());
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
}

/// Returns the span of an exchange. It covers the RSA pool and the handler too; what is not known at the
/// start is recorded later.
fn span(id: ExchangeId) -> Span {
    tracing::info_span!(
        "flow_exchange",
        %id,
        trace_id = Empty,
        action = Empty,
        screen = Empty,
        key = Empty,
    )
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
