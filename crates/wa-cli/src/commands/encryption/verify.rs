//! `wa encryption verify`.

use super::report::{Outcome, each};
use super::{Context, client};
use crate::args::VerifyArgs;
use crate::failure::{Exit, Failure};
use crate::input::{self, KeyPassphrase};

pub(crate) async fn run(context: &mut Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let apis = client::apis(context, &args.graph)?;
    let key = input::public_half(context, &args.key, &mut KeyPassphrase::of(&args.passphrase))?;
    each(context, &apis, async |api| {
        Ok(Outcome::verified(
            &api.verify(&key).await.map_err(client::failed)?,
        ))
    })
    .await
}
