//! The response to a decrypted request: from the handler, encrypted.

use http::StatusCode;

use crate::endpoint::ExchangeId;
use crate::endpoint::completion::catch_panic;
use crate::endpoint::handler::{Exchange, FlowHandler};
use crate::endpoint::pipeline::Pipeline;
use crate::endpoint::response::ResponseParts;
use crate::message::{Action, FlowRequest, FlowResponse};
use crate::session::ResponseSeal;
use crate::status::Refusal;

impl<H: FlowHandler> Pipeline<H> {
    /// Calls the handler. Logs what an operator needs to know about it: errors and panics, error
    /// notifications, and responses that phones cannot show.
    pub(super) async fn handle(
        &self,
        request: FlowRequest,
        exchange: Exchange,
    ) -> Result<FlowResponse, Refusal> {
        let id = exchange.id;
        if self.options.log_payloads {
            let payload = String::from_utf8_lossy(request.expose_payload());
            tracing::debug!(%payload, "decrypted a request");
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
        let response = catch_panic(answer).await.map_err(|error| {
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

    /// Encrypts the response.
    pub(super) fn seal(
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
