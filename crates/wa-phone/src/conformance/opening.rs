//! The first requests: find a message that the endpoint accepts, or the reason why it accepts none.

use super::accepted;
use super::catalogue as rule;
use super::check::Check;
use super::diagnosis::{self, Cause};
use super::judge::{self, Expected, Judgement};
use super::known::{self, KnownFaults};
use super::prober::{self, Request, SendResult};
use super::report::Verdict;
use super::run::{CheckRun, ConformanceError, Progress};
use crate::{EncryptedRequest, FlowMessage, HttpResponse};

impl<P: FnMut(Progress<'_>) + Send> CheckRun<'_, P> {
    /// Judges the transport. Only a response proves that the certificate is trusted; the URL does not.
    fn transport(&mut self, result: &SendResult) {
        let is_https = self.check.url.scheme_str() == Some("https");
        if !self.is_noted(&rule::TLS) && (result.is_ok() || !is_https) {
            let found = judge::transport(is_https, self.check.has_own_roots);
            self.note(&rule::TLS, found);
        }
    }

    /// Finds a message that gets a 200 response, preferably a ping, and records the faults of that response.
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
            let result = self.check.prober.send(&request).await;
            let result = match (result, &ping) {
                (Err(failure), None) if prober::never_connected(&failure) => {
                    return Err(ConformanceError::Unreachable { source: failure });
                }
                (Err(failure), None) if prober::has_no_tls(&failure) => {
                    let remedy = failure.fixed_remedy().unwrap_or(rule::TLS.remedy);
                    let check = Check { remedy, ..rule::TLS };
                    self.note(&check, (Verdict::Fail, failure.to_string()));
                    self.over = Some("no request was sent: see http.tls".to_owned());
                    return Ok(None);
                }
                (result, _) => result,
            };
            self.transport(&result);
            let opened = self.opened(request.encrypted.as_ref(), &result);
            let is_first = ping.is_none();
            if is_first {
                ping = Some((request, result));
            }
            if opened || self.is_over() {
                self.judge_ping(ping.as_ref());
                return Ok(opened.then_some(probe));
            }
        }
        if let Some((request, result)) = ping {
            self.diagnose(&request, &result).await?;
        }
        Ok(None)
    }

    /// Finds out why the endpoint refuses everything: which incorrect signatures and encryption it accepts.
    async fn diagnose(&mut self, request: &Request, result: &SendResult) -> Result<(), ConformanceError> {
        let prober = &self.check.prober;
        let accepted = accepted::instead(prober, result).await?;
        if let Some((first, _)) = accepted.first() {
            self.over = Some(format!(
                "no request with the correct signature got a 200 response: see {}",
                first.id
            ));
            let ids: Vec<_> = accepted.iter().map(|(check, _)| check.id).collect();
            let see = format!("{}: see {}", judge::describe(result), ids.join(", "));
            for (check, seen) in accepted {
                self.note(check, (Verdict::Fail, seen));
            }
            self.skip(&rule::PING, &see);
            return Ok(());
        }
        if let Some(cause) = diagnosis::cause(prober, &self.check.public_key_pem).await {
            self.note_cause(cause, result);
        } else if let Some((check, judged)) = self.judged_ping(request, result) {
            let status = result.as_ref().ok().map(|response| response.status);
            let remedy = status.and_then(accepted::remedy_of_none).unwrap_or(check.remedy);
            self.note(&Check { remedy, ..check }, judged);
        }
        Ok(())
    }

    /// Returns whether a request got a 200 response; if so, judges how the response is encoded and encrypted.
    fn opened(&mut self, encrypted: Option<&EncryptedRequest>, result: &SendResult) -> bool {
        let (Some(encrypted), Ok(response)) = (encrypted, result) else {
            return false;
        };
        if response.status != 200 {
            return false;
        }
        self.known = KnownFaults::of(encrypted, response);
        self.note_decryption(encrypted, response);
        self.note(&rule::ENCRYPTION, self.known.encryption());
        self.note(
            &rule::CONTENT_TYPE,
            judge::content_type(response.content_type.as_deref()),
        );
        true
    }

    pub(super) fn note_decryption(&mut self, encrypted: &EncryptedRequest, response: &HttpResponse) {
        if !self.is_noted(&rule::OAEP) && known::is_proof(encrypted, response) {
            for check in [&rule::OAEP, &rule::VECTOR] {
                self.note(check, (Verdict::Pass, "a request was decrypted".to_owned()));
            }
        }
    }

    fn judge_ping(&mut self, ping: Option<&(Request, SendResult)>) {
        if let Some((request, result)) = ping
            && let Some((check, judged)) = self.judged_ping(request, result)
        {
            self.note(&check, judged);
        }
    }

    fn judged_ping(&self, request: &Request, result: &SendResult) -> Option<(Check, Judgement)> {
        let encrypted = request.encrypted.as_ref()?;
        let judged = judge::response(Expected::Response, encrypted, result, &self.known);
        Some((judge::with_remedy(&rule::PING, encrypted, result), judged))
    }

    /// Records the known mistake that explains why the endpoint refuses valid requests.
    fn note_cause(&mut self, cause: Cause, result: &SendResult) {
        let check = cause.check();
        self.note(check, (Verdict::Fail, cause.to_string()));
        let see = format!("{}: see {}", judge::describe(result), check.id);
        self.skip(&rule::PING, &see);
    }
}
