//! Many numbers: audit, plan and apply, against the emulator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use wa_emulator::{
    AccountSpec, DEFAULT_ACCESS_TOKEN, DEFAULT_ACCOUNT_ID, Emulator, ErrorResponse, Fault, FaultRule,
    RateLimits,
};
use wa_fleet::{
    ApplyEvent, AuditSummary, Clock, Fleet, FleetClients, FleetConfig, Inventory, InventoryNumber,
    ItemOutcome, ItemReport, NumberFilter, Plan, Reason, RepairPolicy, RotateOptions, Safeguards, Stop,
    StoreView, WaveOptions, WaveSet,
};
use wa_keys::{Fingerprint, PrivateKey, PublicKey};
use wa_keystore::{Change, Directory, KeySet, KeyStore, ProtectedKey};

/// The system's time, with waits that take a hundredth of it.
#[derive(Debug)]
struct FastClock;

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        wa_fleet::SystemClock::default().monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / 100).await;
    }
}

struct Stage {
    emulator: Emulator,
    store: KeyStore,
    config: FleetConfig,
    numbers: Vec<InventoryNumber>,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// An account with so many numbers, and an empty key store.
    async fn new(count: usize) -> Self {
        let emulator = Emulator::builder()
            .account(AccountSpec::new().id("77"))
            .start()
            .await
            .unwrap();
        let ids = emulator.add_numbers("77", count).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = KeyStore::open_or_create(Directory::new(folder.path().join("keys")))
            .await
            .unwrap();
        let text = format!(
            "[store]\nlocation = \"keys\"\n[graph]\nurl = \"{}\"\naccess_token = {{ env = \"TOKEN\" }}\n\
             [inventory]\naccounts = [\"77\"]\n",
            emulator.base_url()
        );
        let account = Some("77".parse().unwrap());
        let numbers = ids
            .iter()
            .map(|id| InventoryNumber::new(id.parse().unwrap()).with_account(account.clone()))
            .collect();
        Self {
            emulator,
            store,
            config: FleetConfig::parse(&text).unwrap(),
            numbers,
            _folder: folder,
        }
    }

    fn clients(&self) -> FleetClients {
        let token = |_: &str| Some(DEFAULT_ACCESS_TOKEN.to_owned());
        FleetClients::connect(&self.config, &wa_fleet::ConnectOptions::default(), &token).unwrap()
    }

    fn fleet(&self) -> Fleet {
        Fleet::connected(self.store.clone(), &self.config, &self.clients(), &self.numbers)
            .author("test")
            .clock(Arc::new(FastClock))
    }

    fn id(&self, index: usize) -> &str {
        self.numbers[index].phone_number_id.as_str()
    }

    fn ids(&self) -> Vec<String> {
        self.numbers
            .iter()
            .map(|number| number.phone_number_id.to_string())
            .collect()
    }

    fn registered(&self, index: usize) -> Option<Fingerprint> {
        let pem = self
            .emulator
            .number(self.id(index))
            .unwrap()
            .business_public_key?;
        Some(PublicKey::parse(pem).unwrap().fingerprint())
    }

    async fn view(&self) -> StoreView {
        StoreView::read(&self.store).await.unwrap()
    }

    async fn audit(&self) -> (AuditSummary, BTreeMap<String, Reason>) {
        let mut reasons = BTreeMap::new();
        let view = self.view().await;
        let summary = self
            .fleet()
            .audit(&view, &self.numbers, &Stop::default(), |finding| {
                reasons.insert(finding.phone_number_id.to_string(), finding.reason);
            })
            .await;
        (summary, reasons)
    }

    async fn plan(&self, policy: RepairPolicy) -> Plan {
        let mut plan = Plan::new(self.store.id(), policy, false, SystemTime::now());
        let view = self.view().await;
        let add = |finding| plan.add(&finding);
        self.fleet()
            .audit(&view, &self.numbers, &Stop::default(), add)
            .await;
        plan
    }

    async fn apply(&self, plan: &Plan) -> BTreeMap<String, ItemReport> {
        let mut reports = BTreeMap::new();
        let view = self.view().await;
        let report = self
            .fleet()
            .apply(&view, plan, &Stop::default(), |event| {
                if let ApplyEvent::Finished(item) = event {
                    let before = reports.insert(item.phone_number_id.to_string(), item.clone());
                    assert!(before.is_none(), "each number is reported once");
                }
            })
            .await
            .unwrap();
        assert_eq!(report.total(), plan.items.len());
        assert_eq!(reports.len(), plan.items.len());
        reports
    }
}

async fn add_key(set: &KeySet, promote: bool) -> PublicKey {
    let private = tokio::task::spawn_blocking(PrivateKey::generate)
        .await
        .unwrap()
        .unwrap();
    let mut log = set.read().await.unwrap();
    set.add(&mut log, &ProtectedKey::unencrypted(&private))
        .await
        .unwrap();
    if promote {
        let key = private.public_key().fingerprint();
        set.promote(&mut log, key).await.unwrap();
    }
    private.public_key().clone()
}

async fn configure(set: &KeySet, add: Vec<String>) {
    let mut log = set.read().await.unwrap();
    let change = Change::Configured {
        add,
        remove: Vec::new(),
        endpoint: None,
        title: None,
    };
    set.append(&mut log, change, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_finds_every_state_with_one_call_a_number() {
    let stage = Stage::new(9).await;
    let set = stage.store.set("waba-77").unwrap();
    let disabled = add_key(&set, true).await;
    let outdated = add_key(&set, true).await;
    let primary = add_key(&set, true).await;
    let pending = add_key(&set, false).await;
    let mut log = set.read().await.unwrap();
    let change = Change::Disabled {
        key: disabled.fingerprint(),
        compromised: false,
    };
    set.append(&mut log, change, None).await.unwrap();
    let other = stage.store.set("other").unwrap();
    let others = add_key(&other, true).await;
    configure(&set, stage.ids()[..8].to_vec()).await;
    configure(&other, vec![stage.id(7).to_owned()]).await;

    let foreign = PrivateKey::generate().unwrap().public_key().clone();
    let keys = [
        &primary, &primary, &outdated, &pending, &disabled, &others, &foreign,
    ];
    for (index, key) in keys.iter().enumerate() {
        stage
            .emulator
            .set_number_key(stage.id(index), Some(&key.to_pem()))
            .unwrap();
    }
    stage.emulator.reregister_number(stage.id(1)).unwrap();
    stage.emulator.clear_requests();
    let (summary, reasons) = stage.audit().await;
    assert_eq!(stage.emulator.requests().len(), 9);
    let found: Vec<Reason> = stage.ids().iter().map(|id| reasons[id]).collect();
    assert_eq!(
        found,
        [
            Reason::Ok,
            Reason::Mismatch,
            Reason::OutdatedKey,
            Reason::PendingKey,
            Reason::DisabledKey,
            Reason::OtherSet,
            Reason::ForeignKey,
            Reason::TwoSets,
            Reason::NoneRegistered,
        ]
    );
    assert_eq!((summary.total(), summary.count(Reason::Ok)), (9, 1));

    // What each policy uploads.
    for (policy, expected) in [
        (RepairPolicy::CreateOnly, &[8][..]),
        (RepairPolicy::Repair, &[1, 8]),
        (RepairPolicy::Sync, &[1, 2, 3, 4, 8]),
    ] {
        let plan = stage.plan(policy).await;
        let ids: Vec<&str> = plan
            .items
            .iter()
            .map(|item| item.phone_number_id.as_str())
            .collect();
        let mut expected: Vec<&str> = expected.iter().map(|index| stage.id(*index)).collect();
        expected.sort_unstable();
        let mut ids = ids;
        ids.sort_unstable();
        assert_eq!(ids, expected, "{policy:?}");
        assert!(plan.items.iter().all(|item| item.to == primary.fingerprint()));
        let json = serde_json::to_vec(&plan).unwrap();
        assert_eq!(Plan::parse(&json).unwrap(), plan);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_takes_three_calls_and_adds_new_numbers_to_their_set() {
    let stage = Stage::new(20).await;
    let set = stage.store.set("waba-77").unwrap();
    let primary = add_key(&set, true).await;
    let plan = stage.plan(RepairPolicy::Repair).await;
    assert_eq!(plan.items.len(), 20);
    stage.emulator.clear_requests();
    let reports = stage.apply(&plan).await;
    for (id, report) in &reports {
        assert_eq!(report.outcome, ItemOutcome::Valid, "{id}: {report:?}");
        assert_eq!(report.uploads, 1);
    }
    assert_eq!(stage.emulator.requests().len(), 60);
    let log = set.read().await.unwrap();
    assert_eq!(log.numbers().count(), 20);
    assert_eq!(stage.registered(3), Some(primary.fingerprint()));
    let (summary, _) = stage.audit().await;
    assert!(summary.is_ok(), "{summary:?}");

    // The same plan again: everything changed since, and has its key.
    let reports = stage.apply(&plan).await;
    assert!(
        reports
            .values()
            .all(|report| report.outcome == ItemOutcome::Valid && report.uploads == 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_no_longer_hold_are_skipped() {
    let stage = Stage::new(3).await;
    let set = stage.store.set("waba-77").unwrap();
    let first = add_key(&set, true).await;
    let plan = stage.plan(RepairPolicy::Repair).await;
    let foreign = PrivateKey::generate().unwrap().public_key().clone();
    stage
        .emulator
        .set_number_key(stage.id(0), Some(&foreign.to_pem()))
        .unwrap();
    let reports = stage.apply(&plan).await;
    assert_eq!(reports[stage.id(0)].outcome, ItemOutcome::FromChanged);
    assert_eq!(reports[stage.id(0)].registered, Some(foreign.fingerprint()));
    assert_eq!(reports[stage.id(1)].outcome, ItemOutcome::Valid);

    let stale = stage.plan(RepairPolicy::Sync).await;
    assert!(stale.items.is_empty(), "the foreign key stays");
    stage.emulator.set_number_key(stage.id(2), None).unwrap();
    let stale = stage.plan(RepairPolicy::Sync).await;
    add_key(&set, true).await;
    let reports = stage.apply(&stale).await;
    assert_eq!(reports[stage.id(2)].outcome, ItemOutcome::NotPrimary);
    assert_eq!(stage.registered(2), None);
    assert_ne!(stage.registered(1), None);
    assert_eq!(stage.registered(1), Some(first.fingerprint()));
}

/// Applies a plan for four numbers while calls about the second one meet a fault.
async fn with_fault(name: &str, method: &str, fault: Fault, times: u32, expected: ItemOutcome) {
    let stage = Stage::new(4).await;
    let set = stage.store.set("waba-77").unwrap();
    add_key(&set, true).await;
    let plan = stage.plan(RepairPolicy::Repair).await;
    let rule = FaultRule::new(fault)
        .method(method)
        .number(stage.id(1))
        .times(times)
        // Of interest for a rate limit only.
        .header("retry-after", "1");
    stage.emulator.queue_fault(rule);
    let reports = stage.apply(&plan).await;
    let report = &reports[stage.id(1)];
    assert_eq!(report.outcome, expected, "{name}: {report:?}");
    assert!(
        report.outcome == ItemOutcome::Valid || report.remedy.is_some(),
        "{name}"
    );
    for index in [0, 2, 3] {
        let outcome = reports[stage.id(index)].outcome;
        assert_eq!(outcome, ItemOutcome::Valid, "{name}: the others go on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_graph_ends_right_or_is_reported() {
    let error = |status, code| Fault::Error(ErrorResponse::new(status, code, "a fault"));
    let (valid, failed) = (ItemOutcome::Valid, ItemOutcome::Failed);
    for (name, method, fault, times, expected) in [
        ("reset", "POST", Fault::Reset, 2, valid),
        ("reset after", "POST", Fault::ResetAfter, 1, valid),
        ("truncated", "POST", Fault::Truncate { keep: 5 }, 2, valid),
        ("html", "POST", Fault::BadGateway, 2, valid),
        ("500", "POST", error(500, 2), 2, valid),
        ("131000", "POST", error(500, 131_000), 2, valid),
        ("429", "POST", error(429, 4), 2, valid),
        ("133010", "POST", error(400, 133_010), 1, failed),
        ("131000 forever", "POST", error(500, 131_000), 1000, failed),
        ("html on reading", "GET", Fault::BadGateway, 2, valid),
        ("reset on reading", "GET", Fault::Reset, 2, valid),
        ("stale read", "GET", Fault::StaleRead, 3, valid),
    ] {
        with_fault(name, method, fault, times, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "waits for two time-outs of 30 s"]
async fn uploads_without_a_response_end_right() {
    with_fault("silence", "POST", Fault::Silence, 1, ItemOutcome::Valid).await;
    with_fault("late", "POST", Fault::Late { ms: 31_000 }, 1, ItemOutcome::Valid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_stops_the_rest() {
    let stage = Stage::new(40).await;
    let set = stage.store.set("waba-77").unwrap();
    add_key(&set, true).await;
    let plan = stage.plan(RepairPolicy::Repair).await;
    stage.emulator.revoke_token("default").unwrap();
    stage.emulator.clear_requests();
    let (summary, _) = stage.audit().await;
    assert!(stage.emulator.requests().len() <= 8);
    assert!(summary.count(Reason::NotTried) >= 32, "{summary:?}");
    assert_eq!(summary.stopped.len(), 1);
    let reports = stage.apply(&plan).await;
    let not_tried = reports
        .values()
        .filter(|report| report.outcome == ItemOutcome::NotTried);
    assert_eq!(not_tried.count(), 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_made_before_the_time_that_graph_named() {
    let stage = Stage::new(30).await;
    let set = stage.store.set("waba-77").unwrap();
    add_key(&set, true).await;
    let limits = RateLimits::new()
        .app(20)
        .window(Duration::from_secs(2))
        .retry_after(2);
    stage.emulator.set_rate_limits(limits);
    stage.emulator.clear_requests();
    let (summary, _) = stage.audit().await;
    assert_eq!(summary.count(Reason::NoneRegistered), 30, "{summary:?}");
    let refused = stage
        .emulator
        .requests()
        .iter()
        .filter(|request| request.status != Some(200))
        .count();
    // Calls that were in flight together are refused together; none after that.
    assert!(refused <= 8, "{refused}");
    assert_eq!(stage.emulator.requests().len(), 30 + refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_is_listed_by_account_and_business_and_filtered() {
    let stage = Stage::new(120).await;
    let clients = stage.clients();
    let client = |account: Option<&_>| clients.client(account);
    let (config, filter) = (&stage.config.inventory, NumberFilter::default());
    let mut listed = 0;
    let inventory = Inventory::resolve(config, &filter, client, |_| listed += 1, &Stop::default())
        .await
        .unwrap();
    assert_eq!((inventory.numbers().len(), listed), (120, 1));
    assert!(inventory.failures().is_empty());
    let number = &inventory.numbers()[0];
    assert_eq!(
        number.account.as_ref().map(ToString::to_string).as_deref(),
        Some("77")
    );

    let mut config = config.clone();
    config.accounts.push("999".parse().unwrap());
    config.accounts.push(DEFAULT_ACCOUNT_ID.parse().unwrap());
    let filter = NumberFilter::default().status(&["NO SUCH".to_owned()]);
    let inventory = Inventory::resolve(&config, &filter, client, |_| {}, &Stop::default())
        .await
        .unwrap();
    assert_eq!(inventory.failures().len(), 1, "{:?}", inventory.failures());
    assert!(inventory.numbers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_canary_stops_the_waves_and_a_second_run_completes_them() {
    let mut stage = Stage::new(6).await;
    for (number, set) in stage.numbers.iter_mut().zip(["a", "a", "b", "b", "c", "c"]) {
        number.set = Some(set.to_owned());
    }
    let fleet = stage.fleet();
    let sets = fleet.wave_sets(&stage.view().await, &stage.numbers);
    assert_eq!(
        sets.iter().map(|set| set.new_numbers.len()).collect::<Vec<_>>(),
        [2, 2, 2]
    );

    // No instance has a record, so that no key may be uploaded.
    let unsure = |set: &WaveSet| Ok((fleet.operator(&set.set)?, options(set)));
    let mut failed = Vec::new();
    let report = fleet
        .rotate(&sets, &WaveOptions::default(), unsure, |set| {
            failed.push(set.clone());
        })
        .await;
    assert_eq!((report.rotated, report.failed), (0, 1), "{report:?}");
    assert_eq!(report.not_tried, ["b", "c"]);
    assert_eq!(report.stopped.as_deref(), Some("1 of 1 key sets failed"));
    assert!(
        failed[0].error.is_some() && failed[0].remedy.is_some(),
        "{failed:?}"
    );
    assert_eq!(stage.registered(0), None);

    let sure = |set: &WaveSet| {
        let safeguards = Safeguards {
            no_instances: true,
            no_proof: true,
            ..Safeguards::default()
        };
        Ok((fleet.operator(&set.set)?.safeguards(safeguards), options(set)))
    };
    let report = fleet
        .rotate(&sets, &WaveOptions::default(), sure, |set| {
            assert!(set.is_valid(), "{set:?}");
        })
        .await;
    assert_eq!((report.rotated, report.failed), (3, 0), "{report:?}");
    let (summary, _) = stage.audit().await;
    assert!(summary.is_ok(), "{summary:?}");
}

fn options(set: &WaveSet) -> RotateOptions {
    RotateOptions {
        numbers: set.new_numbers.clone(),
        ..RotateOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_aws_hosts_are_listed_with_their_primary_key_and_not_audited() {
    let stage = Stage::new(1).await;
    let set = stage.store.set("waba-77").unwrap();
    let primary = add_key(&set, true).await;
    let hosted = "phone-number-id-976c72a700aac43eaf573ae050example";
    configure(&set, vec![stage.id(0).to_owned(), hosted.to_owned()]).await;
    let view = stage.view().await;
    let listed: Vec<_> = view.aws_numbers().collect();
    assert_eq!(listed, [("waba-77", hosted, primary.fingerprint())]);
    let (summary, _) = stage.audit().await;
    assert_eq!(summary.total(), 1);
}
