//! The first requests: is there an endpoint that answers, and if not, why not?

use super::accepted;
use super::catalogue as rule;
use super::check::Check;
use super::diagnosis::{self, Cause};
use super::judge::{self, Expected, Judgement};
use super::known::{self, Known};
use super::prober::{self, Answer, Request};
use super::report::Verdict;
use super::run::{CheckRun, ConformanceError, Progress};
use crate::phone::{Delivery, FlowMessage, Sealed};

impl<P: FnMut(Progress<'_>) + Send> CheckRun<'_, P> {
    /// A URL alone proves nothing: only what arrived says that the certificate holds.
    fn transport(&mut self, answer: &Answer) {
        let is_https = self.check.url.scheme_str() == Some("https");
        if !self.is_noted(&rule::TLS) && (answer.is_ok() || !is_https) {
            let found = judge::transport(is_https, self.check.has_own_roots);
            self.note(&rule::TLS, found);
        }
    }

    /// Finds a message that is answered with 200, a ping if that can be, and learns how replies are written.
    pub(super) async fn open(&mut self) -> Result<Option<FlowMessage>, ConformanceError> {
        let messages = &self.check.prober.message;
        let probes = [
            Some(FlowMessage::ping()),
            messages.init(),
            messages.data_exchange(),
            Some(messages.notification()),
        ];
        let mut ping = None;
        for probe in probes.into_iter().flatten() {
            let request = self.check.prober.request(&probe).await?;
            let answer = self.check.prober.send(&request).await;
            let answer = match (answer, &ping) {
                (Err(failure), None) if prober::never_connected(&failure) => {
                    return Err(ConformanceError::Unreachable { source: failure });
                }
                (Err(failure), None) if prober::has_no_tls(&failure) => {
                    self.note(&rule::TLS, (Verdict::Fail, failure.to_string()));
                    self.over = Some("no request was sent: see http.tls".to_owned());
                    return Ok(None);
                }
                (answer, _) => answer,
            };
            self.transport(&answer);
            let opened = self.opened(request.sealed.as_ref(), &answer);
            let is_first = ping.is_none();
            if is_first {
                ping = Some((request, answer));
            }
            if opened || self.is_over() {
                self.judge_ping(ping.as_ref());
                return Ok(opened.then_some(probe));
            }
        }
        if let Some((request, answer)) = ping {
            self.diagnose(&request, &answer).await?;
        }
        Ok(None)
    }

    /// Finds out why the endpoint refuses everything: which signatures and which encryption it accepts instead.
    async fn diagnose(&mut self, request: &Request, answer: &Answer) -> Result<(), ConformanceError> {
        let prober = &self.check.prober;
        let accepted = accepted::instead(prober, answer).await?;
        if let Some((first, _)) = accepted.first() {
            self.over = Some(format!(
                "no request with the right signature was answered with 200: see {}",
                first.id
            ));
            let ids: Vec<_> = accepted.iter().map(|(check, _)| check.id).collect();
            let see = format!("{}: see {}", judge::describe(answer), ids.join(", "));
            for (check, seen) in accepted {
                self.note(check, (Verdict::Fail, seen));
            }
            self.skip(&rule::PING, &see);
            return Ok(());
        }
        if let Some(cause) = diagnosis::cause(prober, &self.check.public_key_pem).await {
            self.blame(cause, answer);
        } else if let Some((check, judged)) = self.judged_ping(request, answer) {
            let status = answer.as_ref().ok().map(|delivery| delivery.status);
            let remedy = status.and_then(accepted::remedy_of_none).unwrap_or(check.remedy);
            self.note(&Check { remedy, ..check }, judged);
        }
        Ok(())
    }

    /// Whether a request was answered with 200; if so, the form of the reply is judged.
    fn opened(&mut self, sealed: Option<&Sealed>, answer: &Answer) -> bool {
        let (Some(sealed), Ok(delivery)) = (sealed, answer) else {
            return false;
        };
        if delivery.status != 200 {
            return false;
        }
        self.known = Known::of(sealed, delivery);
        self.look_for_proof(sealed, delivery);
        self.note(&rule::ENCRYPTION, self.known.encryption());
        self.note(
            &rule::CONTENT_TYPE,
            judge::content_type(delivery.content_type.as_deref()),
        );
        true
    }

    pub(super) fn look_for_proof(&mut self, sealed: &Sealed, delivery: &Delivery) {
        if !self.is_noted(&rule::OAEP) && known::is_proof(sealed, delivery) {
            for check in [&rule::OAEP, &rule::VECTOR] {
                self.note(check, (Verdict::Pass, "a request was decrypted".to_owned()));
            }
        }
    }

    fn judge_ping(&mut self, ping: Option<&(Request, Answer)>) {
        if let Some((request, answer)) = ping
            && let Some((check, judged)) = self.judged_ping(request, answer)
        {
            self.note(&check, judged);
        }
    }

    fn judged_ping(&self, request: &Request, answer: &Answer) -> Option<(Check, Judgement)> {
        let sealed = request.sealed.as_ref()?;
        let judged = judge::reply(Expected::Answer, sealed, answer, &self.known);
        Some((judge::with_remedy(&rule::PING, sealed, answer), judged))
    }

    /// The endpoint reads requests otherwise than it has to, and it is known how.
    fn blame(&mut self, cause: Cause, answer: &Answer) {
        let check = cause.check();
        self.note(check, (Verdict::Fail, cause.to_string()));
        let see = format!("{}: see {}", judge::describe(answer), check.id);
        self.skip(&rule::PING, &see);
    }
}
