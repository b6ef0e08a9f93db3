//! `wa encryption verify`.

use super::batch::Next;
use super::hint::GivenOptions;
use super::outcome::{Outcome, Valid};
use super::report::Report;
use super::{Context, client};
use crate::args::VerifyArgs;
use crate::failure::{Exit, Failure};
use crate::input::{self, KeyPassphrase};

pub(crate) async fn run(context: &mut Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let mut batch = client::batch(context, &args.graph)?;
    let key = input::public_half(context, &args.key, &mut KeyPassphrase::of(&args.passphrase))?;
    let given = GivenOptions::new(context, &args.graph, Some((&args.key, &args.passphrase)));
    let mut report = Report::new(&batch.apis);
    let order = batch.all();
    let terminal = &mut context.terminal;
    let rest = batch
        .each(
            terminal,
            order,
            async |api| api.verify(&key).await,
            |terminal, index, result| {
                let id = report.id(index).to_owned();
                let result = result
                    .map(|found| Outcome::verified(&id, &found, Valid::Found, &given))
                    .map_err(client::failed);
                report.add(terminal, index, result).map(|()| Next::Continue)
            },
        )
        .await?;
    report.end(terminal, rest, |_| None)?;
    report.finish(context, None)
}
