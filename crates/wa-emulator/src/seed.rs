//! The objects that exist when an emulator starts, and again after a reset.

use crate::graph::WireShape;
use crate::world::{
    AccountSpec, AppSpec, BusinessSpec, ControlError, FlowSpec, NumberSpec, TokenSpec, World,
};

/// The id of the default business.
pub const DEFAULT_BUSINESS_ID: &str = "200000000000001";
/// The id of the default WhatsApp Business account.
pub const DEFAULT_ACCOUNT_ID: &str = "102290129340398";
/// The id of the default phone number.
pub const DEFAULT_PHONE_NUMBER_ID: &str = "106540352242922";
/// The id of the default Meta app.
pub const DEFAULT_APP_ID: &str = "634974688087057";
/// The secret of the default app. It protects nothing: it is public, and valid in an emulator only.
pub const DEFAULT_APP_SECRET: &str = "00112233445566778899aabbccddeeff";
/// The default access token, with the label `default`. It is valid in an emulator only.
pub const DEFAULT_ACCESS_TOKEN: &str = "EAAEmulatorDefaultAccessToken000000000001";

#[derive(Debug)]
pub(crate) struct Seed {
    pub(crate) businesses: Vec<BusinessSpec>,
    pub(crate) accounts: Vec<AccountSpec>,
    pub(crate) numbers: Vec<NumberSpec>,
    /// Accounts to generate, and the numbers to spread over them.
    pub(crate) generated: (usize, usize),
    pub(crate) flows: Vec<FlowSpec>,
    pub(crate) apps: Vec<AppSpec>,
    pub(crate) tokens: Vec<TokenSpec>,
    pub(crate) shape: WireShape,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            businesses: vec![BusinessSpec::new().id(DEFAULT_BUSINESS_ID)],
            accounts: vec![
                AccountSpec::new()
                    .id(DEFAULT_ACCOUNT_ID)
                    .owned_by(DEFAULT_BUSINESS_ID),
            ],
            numbers: vec![
                NumberSpec::new()
                    .id(DEFAULT_PHONE_NUMBER_ID)
                    .account(DEFAULT_ACCOUNT_ID)
                    .display_phone_number("+1 555-025-3483")
                    .verified_name("Emulated Business"),
            ],
            generated: (0, 0),
            flows: Vec::new(),
            apps: vec![AppSpec::new(DEFAULT_APP_ID, DEFAULT_APP_SECRET)],
            tokens: vec![TokenSpec::new("default", DEFAULT_ACCESS_TOKEN).app(DEFAULT_APP_ID)],
            shape: WireShape::default(),
        }
    }
}

impl Seed {
    /// Returns a seed without objects.
    pub(crate) fn empty() -> Self {
        Self {
            businesses: Vec::new(),
            accounts: Vec::new(),
            numbers: Vec::new(),
            generated: (0, 0),
            flows: Vec::new(),
            apps: Vec::new(),
            tokens: Vec::new(),
            shape: WireShape::default(),
        }
    }

    pub(crate) fn world(&self) -> Result<World, ControlError> {
        let mut world = World::default();
        for app in &self.apps {
            world.add_app(app.duplicate())?;
        }
        for business in &self.businesses {
            world.add_business(business.clone())?;
        }
        for account in &self.accounts {
            world.add_account(account.clone())?;
        }
        for number in &self.numbers {
            world.add_number(number.clone())?;
        }
        if let (accounts @ 1.., numbers) = self.generated {
            world.add_accounts(None, accounts, numbers)?;
        }
        for flow in &self.flows {
            world.add_flow(flow.clone())?;
        }
        for token in &self.tokens {
            world.add_token(token.duplicate())?;
        }
        Ok(world)
    }
}
