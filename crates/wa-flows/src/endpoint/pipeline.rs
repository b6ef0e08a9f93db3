//! One exchange from the HTTP request to the reply: each step in its order, and never back.

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{Extensions, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;
use tracing::Instrument;

use crate::endpoint::handler::{Exchange, ExchangeId, FlowHandler, HandlerError};
use crate::endpoint::head::Needed;
use crate::endpoint::pool::RsaPool;
use crate::endpoint::reader::Reader;
use crate::endpoint::replay::{Mark, ReplayGuard, mark};
use crate::endpoint::report::ExchangeLog;
use crate::endpoint::{ExchangeReport, OnAuthenticated, ReplyBody, head};
use crate::envelope::Envelope;
use crate::message::{Action, FlowRequest, FlowResponse};
use crate::ring::KeyRing;
use crate::secret::AppSecret;
use crate::session::ReplySeal;
use crate::signature::verify_signature;
use crate::status::Refusal;
use crate::token::{TokenSignatureMode, TokenVerdict, verify_flow_token};

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
    replay: Option<ReplayGuard>,
    reader: Reader,
    slots: Semaphore,
    /// Slots in all; a semaphore has fewer than `max_in_flight` may say.
    slot_count: usize,
}

pub(crate) type Observer = Arc<dyn Fn(&ExchangeReport) + Send + Sync>;

/// The settings that need no resolution.
pub(crate) struct Options {
    pub(crate) token_signature: TokenSignatureMode,
    pub(crate) body_limit: usize,
    pub(crate) deadline: Duration,
    pub(crate) max_in_flight: NonZeroUsize,
    pub(crate) plain_token_invalid: bool,
    pub(crate) observer: Option<Observer>,
    pub(crate) log_payloads: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token_signature: TokenSignatureMode::default(),
            body_limit: 2 * 1024 * 1024,
            deadline: Duration::from_secs(9),
            max_in_flight: NonZeroUsize::new(1024).unwrap_or(NonZeroUsize::MIN),
            plain_token_invalid: false,
            observer: None,
            log_payloads: false,
        }
    }
}

/// A request that was decrypted and found good.
struct Decrypted {
    request: FlowRequest,
    seal: ReplySeal,
    key: wa_keys::Fingerprint,
    token: TokenVerdict,
    mark: Option<Mark>,
}

/// What goes out with a status of 200 or 427.
struct Reply {
    status: StatusCode,
    content_type: &'static str,
    text: String,
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
            slots: Semaphore::new(slots),
            slot_count: slots,
        }
    }

    pub(crate) fn with_checks(
        mut self,
        app_secrets: Arc<[AppSecret]>,
        check_signature: bool,
        replay: Option<ReplayGuard>,
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
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<ReplyBody>
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
        let started = reporting.started;
        let reply = self.exchange(request, started, &mut reporting.report).await;
        reporting.outcome = reply
            .as_ref()
            .map(|reply| reply.status)
            .map_err(|refusal| *refusal);
        drop(reporting);
        let mut response = reply.map_or_else(refused, accepted);
        if let Ok(id) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(EXCHANGE_ID, id);
        }
        response
    }

    async fn exchange<B>(
        &self,
        request: Request<B>,
        started: Instant,
        report: &mut ExchangeReport,
    ) -> Result<Reply, Refusal>
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
        let started = tokio::time::Instant::from_std(started);
        let deadline = started
            .checked_add(self.options.deadline)
            .unwrap_or_else(|| started + NEVER);
        let body = timeout_at(deadline.min(started + BODY_TIME), self.reader.read(body))
            .await
            .map_err(|_| Refusal::BodyTooSlow)??;
        if self.check_signature {
            verify_signature(&self.app_secrets, signature.as_deref(), &body)?;
            report.signed = true;
            authenticated(&extensions);
        }
        let _slot = self.slots.try_acquire().map_err(|_| Refusal::Overloaded)?;

        let decrypting = Instant::now();
        let decrypted = timeout_at(deadline, self.decrypt(body))
            .await
            .unwrap_or(Err(Refusal::Overloaded));
        report.decrypt = Some(decrypting.elapsed());
        let Decrypted {
            request,
            seal,
            key,
            token,
            mark,
        } = decrypted?;
        if !self.check_signature {
            authenticated(&extensions);
        }
        report.decrypted(&request, key, token);
        if let (Some(replay), Some(mark)) = (&self.replay, mark)
            && !replay.admit(mark)
        {
            return Err(Refusal::Replayed);
        }

        let handling = Instant::now();
        let exchange = Exchange {
            id: report.id,
            key,
            token,
            extensions,
        };
        let response = timeout_at(deadline, self.handle(request, exchange)).await;
        report.handler = Some(handling.elapsed());
        self.seal(response.map_err(|_| Refusal::HandlerTimedOut)??, seal, report.id)
    }

    /// Decrypts on the pool, so that the serving threads stay free.
    async fn decrypt(&self, body: Bytes) -> Result<Decrypted, Refusal> {
        let ring = self.ring.clone();
        let app_secrets = Arc::clone(&self.app_secrets);
        let mode = self.options.token_signature;
        let wants_mark = self.replay.is_some();
        let work = move || {
            let envelope = Envelope::parse(&body)?;
            let mark = envelope
                .sealed()
                .filter(|_| wants_mark)
                .map(|sealed| mark(&sealed.encrypted_key, &sealed.iv));
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
                mark,
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
            let text = String::from_utf8(json).map_err(|_| Refusal::HandlerFailed)?;
            return Ok(Reply {
                status,
                content_type: "application/json",
                text,
            });
        }
        Ok(Reply {
            status,
            content_type: "text/plain",
            text: seal.seal(json),
        })
    }
}

/// Tells the server that a request is authenticated.
fn authenticated(extensions: &Extensions) {
    if let Some(hook) = extensions.get::<OnAuthenticated>() {
        hook.call();
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

/// Turns a panic of the handler into its failure, so that the phone gets a status and the connection lives on.
async fn catch_panic<F>(handler: F) -> Result<FlowResponse, HandlerError>
where
    F: Future<Output = Result<FlowResponse, HandlerError>>,
{
    let mut handler = pin!(handler);
    std::future::poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx)))
            .unwrap_or_else(|_| std::task::Poll::Ready(Err(HandlerError::failed("it panicked"))))
    })
    .await
}

fn accepted(reply: Reply) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::new(reply.text));
    *response.status_mut() = reply.status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    response
}

/// A refusal has no body: there is no key to encrypt one with, or nothing that the phone would show.
fn refused(refusal: Refusal) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::default());
    *response.status_mut() = refusal.status();
    if refusal == Refusal::MethodNotAllowed {
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("token_signature", &self.token_signature)
            .field("body_limit", &self.body_limit)
            .field("deadline", &self.deadline)
            .field("max_in_flight", &self.max_in_flight)
            .field("plain_token_invalid", &self.plain_token_invalid)
            .field("observed", &self.observer.is_some())
            .field("log_payloads", &self.log_payloads)
            .finish()
    }
}
