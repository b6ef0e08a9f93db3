//! Operations on one key set: the operator, its progress, and its errors.

mod confirm;
mod failure;
mod progress;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver};
use wa_cloud::fleet::{
    CommandHook, FleetError, GraphRegistry, HttpProber, Policy, Progress, Safeguards, SetOperator,
};
use wa_cloud::keystore::{KeySet, KeyStore};
use wa_cloud::secrets::AppSecret;

use super::Context;
use super::graph::{self, setting};
use crate::args::{ConnectionArgs, KeySetArgs, ProofArgs};
use crate::failure::{Failure, Usage};
use crate::settings;
use crate::store;

pub(crate) use confirm::confirm;
pub(crate) use failure::Names;

/// How long a command goes on after Ctrl-C, so that a call in flight ends.
const GRACE: Duration = Duration::from_secs(5);

/// The operator of a key set, and what it reports.
pub(crate) struct Operation {
    pub(crate) operator: SetOperator,
    pub(crate) set: KeySet,
    pub(crate) names: Names,
    progress: UnboundedReceiver<Progress>,
}

/// The run was interrupted.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
struct Interrupted;

impl Operation {
    /// Prepares operations on the key set that the options name.
    pub(crate) async fn of(
        context: &Context,
        store: KeyStore,
        args: &KeySetArgs,
        connection: &ConnectionArgs,
        create: bool,
    ) -> Result<Self, Failure> {
        let set = store::key_set(&store, args, create).await?;
        let names = Names::new(context, args, set.name())?;
        let client = graph::client(&context.environment, connection)?;
        let client = client
            .build()
            .map_err(|error| setting("Graph API settings", error))?;
        let registry = Arc::new(GraphRegistry::new(client));
        let (sender, progress) = mpsc::unbounded_channel();
        let operator = SetOperator::new(store, set.name(), registry)
            .map_err(store::usage)?
            .author(&store::user())
            .observer(move |progress| {
                // The receiver is dropped only when the program exits.
                let _ = sender.send(progress);
            });
        Ok(Self {
            operator,
            set,
            names,
            progress,
        })
    }

    /// Adds the proof of keys.
    pub(crate) fn with_proof(
        mut self,
        context: &Context,
        proof: &ProofArgs,
        connection: &ConnectionArgs,
        take_over: bool,
    ) -> Result<Self, Failure> {
        let mut policy = Policy::default();
        (policy.wait, policy.settle) = (proof.wait, proof.settle);
        self.operator = self.operator.policy(policy).safeguards(Safeguards {
            no_instances: proof.no_instances,
            ignored_instances: proof.ignore_instance.clone(),
            no_proof: proof.no_proof,
            take_over,
            ..Safeguards::default()
        });
        if !proof.no_proof {
            self.operator = self.operator.prober(Arc::new(prober(context, connection)?));
        }
        if let Some(command) = &proof.after_step {
            self.operator = self.operator.hook(Arc::new(CommandHook::new(command)));
        }
        Ok(self)
    }

    /// Runs an operation and prints its progress. After Ctrl-C, a call in flight may take some seconds.
    pub(crate) async fn run<T>(
        &mut self,
        context: &mut Context,
        running: impl Future<Output = Result<T, FleetError>>,
    ) -> Result<T, Failure> {
        let mut running = pin!(running);
        let mut interrupted = pin!(interruption());
        let mut is_interrupted = false;
        let mut end = pin!(tokio::time::sleep(Duration::MAX));
        loop {
            tokio::select! {
                biased;
                Some(event) = self.progress.recv() => {
                    progress::show(context, &event);
                    if is_interrupted {
                        break;
                    }
                }
                result = &mut running => {
                    while let Ok(event) = self.progress.try_recv() {
                        progress::show(context, &event);
                    }
                    return result.map_err(|error| self.names.failure(error));
                }
                () = &mut interrupted, if !is_interrupted => {
                    is_interrupted = true;
                    end.as_mut().reset(tokio::time::Instant::now() + GRACE);
                }
                () = &mut end, if is_interrupted => break,
            }
        }
        let hint = "run the same command again: it continues";
        Err(Failure::interrupted(Interrupted).with_hint(Some(hint)))
    }
}

async fn interruption() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns what sends pings to the endpoint.
fn prober(context: &Context, connection: &ConnectionArgs) -> Result<HttpProber, Failure> {
    let secret = settings::app_secret(connection.app_secret_file.as_ref())
        .secret(&context.environment)?
        .ok_or(Usage::Missing {
            what: "the app secret",
            hint: "set WA_APP_SECRET or pass --app-secret-file FILE: the pings that prove the key are signed \
                   with \
                   it; without a proof, pass --no-proof",
        })?;
    let secret = AppSecret::new(secret.as_str()).map_err(|error| setting("app secret", error))?;
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|error| setting(&format!("--root-certificate {}", path.display()), error))
    };
    let roots = connection.root_certificate.as_ref().map(read).transpose()?;
    HttpProber::new(secret, roots.as_deref()).map_err(|error| setting("--root-certificate", error))
}
