//! Upserts of the network: row by row, versions, references, one currency, and facts on their way to the node's
//! partition.

use super::given::{node, node_id, text};
use crate::driver::Driver;
use crate::{Answer, Command, Refusal, RowOutcome, RowRefusal};
use waybill_types::exchange::Message;
use waybill_types::network::{
    Calendar, Lane, LaneCost, LaneEnd, LaneId, Policy, Rate, RateCard, RateCardId, RateStep, Zone,
};
use waybill_types::{
    CalendarId, Country, Currency, Layout, Money, PartitionId, Service, ServiceId, ZoneId,
    network::PostalArea,
};

fn money(currency: &str, minor: i64) -> Money {
    Money::new(Currency::new(currency).unwrap(), minor).unwrap()
}

fn zone(id: &str) -> Zone {
    let areas = vec![PostalArea { country: Country::new("DE").unwrap(), postal_prefixes: vec![] }];
    Zone {
        id: ZoneId::new(id).unwrap(),
        name: text(""),
        areas,
        circle: None,
        time_zone: None,
        calendar: None,
    }
}

fn lane(id: &str, from: &str, to: &str, cost: LaneCost) -> Lane {
    Lane {
        id: LaneId::new(id).unwrap(),
        from: node_id(from),
        to: LaneEnd::Zone(ZoneId::new(to).unwrap()),
        service: ServiceId::new("standard").unwrap(),
        cost,
        transit_ms: 0,
        transit_days: 1,
        departures: vec![],
        calendar: None,
        active: true,
        delivery_minutes: None,
        preparation_ms: None,
    }
}

fn own(currency: &str, minor: i64) -> LaneCost {
    LaneCost::Own(Rate { base: money(currency, minor), per_kg: None })
}

fn rows(driver: &mut Driver, command: &Command) -> Vec<RowOutcome> {
    match driver.run(command).unwrap() {
        Answer::Rows { rows, network } => {
            assert_eq!(
                network,
                driver.state.network().version,
                "the answer names the version with these rows"
            );
            rows
        }
        other => panic!("an upsert is answered with {other:?}"),
    }
}

#[test]
fn rows_are_created_changed_left_alone_or_refused_each_by_itself() {
    let mut driver = Driver::alone();
    let mut lost = node("n2", None);
    lost.calendar = Some(CalendarId::new("nowhere").unwrap());
    let mut renamed = node("n1", None);
    renamed.name = text("Berlin");
    let batch = vec![node("n1", None), lost, renamed.clone(), renamed.clone()];
    let outcomes = rows(&mut driver, &Command::UpsertNodes(batch));
    assert_eq!(outcomes[0], RowOutcome::Created);
    assert!(matches!(&outcomes[1], RowOutcome::Refused(RowRefusal::UnknownReference { .. })), "{outcomes:?}");
    assert_eq!(outcomes[2..], [RowOutcome::Updated(2), RowOutcome::Unchanged(2)]);
    assert_eq!(rows(&mut driver, &Command::UpsertNodes(vec![renamed])), [RowOutcome::Unchanged(2)]);
    let head = driver.state.network();
    assert_eq!((head.version, head.nodes), (2, 1));
}

#[test]
fn a_lane_may_only_name_what_exists() {
    let mut driver = Driver::alone();
    rows(&mut driver, &Command::UpsertNodes(vec![node("n1", None)]));
    rows(&mut driver, &Command::UpsertZones(vec![zone("z1")]));
    let card = LaneCost::Card(RateCardId::new("card").unwrap());
    let batch = vec![
        lane("l1", "n1", "z1", own("EUR", 490)),
        lane("l2", "n9", "z1", own("EUR", 490)),
        lane("l3", "n1", "z9", own("EUR", 490)),
        lane("l4", "n1", "z1", card.clone()),
    ];
    let outcomes = rows(&mut driver, &Command::UpsertLanes(batch));
    assert_eq!(outcomes[0], RowOutcome::Created);
    let fields: Vec<&str> = outcomes[1..]
        .iter()
        .map(|outcome| match outcome {
            RowOutcome::Refused(refusal) => refusal.field(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(fields, ["from_node_id", "to_zone_id", "rate_card_id"]);
    let step = RateStep { up_to_weight_g: None, rate: Rate { base: money("EUR", 390), per_kg: None } };
    let steps = RateCard { id: RateCardId::new("card").unwrap(), name: text(""), steps: vec![step] };
    rows(&mut driver, &Command::UpsertRateCards(vec![steps]));
    assert_eq!(
        rows(&mut driver, &Command::UpsertLanes(vec![lane("l4", "n1", "z1", card)])),
        [RowOutcome::Created]
    );
}

#[test]
fn the_first_amount_fixes_the_currency_of_the_network() {
    let mut driver = Driver::alone();
    rows(&mut driver, &Command::UpsertNodes(vec![node("n1", None)]));
    rows(&mut driver, &Command::UpsertZones(vec![zone("z1")]));
    let batch = vec![lane("l1", "n1", "z1", own("JPY", 500)), lane("l2", "n1", "z1", own("EUR", 490))];
    let outcomes = rows(&mut driver, &Command::UpsertLanes(batch));
    assert!(matches!(outcomes[1], RowOutcome::Refused(RowRefusal::ForeignCurrency { .. })), "{outcomes:?}");
    let foreign = driver.run(&set(&Policy::sound(Currency::new("EUR").unwrap()), None)).unwrap_err();
    assert!(matches!(foreign, Refusal::ForeignCurrency { .. }), "{foreign}");
    let policy = Policy::sound(Currency::new("JPY").unwrap());
    let first = driver.run(&set(&policy, None)).unwrap();
    assert_eq!(first, Answer::PolicySet { version: 1, network: 4 });
    assert_eq!(driver.run(&set(&policy, None)).unwrap(), first, "the same policy is the same version");
}

fn set(policy: &Policy, expected: Option<u64>) -> Command {
    Command::SetPolicy { policy: Box::new(policy.clone()), expected }
}

#[test]
fn a_version_of_the_policy_never_changes_and_an_earlier_one_comes_back_as_a_new_one() {
    let mut driver = Driver::alone();
    let sound = Policy::sound(Currency::new("EUR").unwrap());
    let dear = Policy { split_penalty_minor: 900, ..sound.clone() };
    let restore = |version, expected| Command::RestorePolicy { version, expected };
    assert_eq!(driver.run(&set(&sound, Some(0))).unwrap(), Answer::PolicySet { version: 1, network: 1 });
    assert_eq!(driver.run(&set(&dear, Some(1))).unwrap(), Answer::PolicySet { version: 2, network: 2 });
    let stale = driver.run(&set(&sound, Some(1))).unwrap_err();
    assert_eq!(stale, Refusal::StalePolicy { expected: 1, current: 2 });
    assert_eq!(
        driver.run(&restore(1, Some(9))).unwrap_err(),
        Refusal::StalePolicy { expected: 9, current: 2 }
    );
    for unknown in [0, 3] {
        assert_eq!(driver.run(&restore(unknown, None)).unwrap_err(), Refusal::UnknownPolicy(unknown));
    }
    assert_eq!(driver.run(&restore(1, Some(2))).unwrap(), Answer::PolicySet { version: 3, network: 3 });
    let again = driver.run(&restore(1, None)).unwrap();
    assert_eq!(
        again,
        Answer::PolicySet { version: 3, network: 3 },
        "what is in force stays under its version"
    );
    let state = &driver.state;
    assert_eq!((*state.policy_version(2).unwrap()).clone(), dear);
    assert_eq!((*state.policy().unwrap()).clone(), sound);
    let facts = |version| state.policy_facts(version).unwrap();
    assert_eq!((facts(3).restores, facts(2).restores), (Some(1), None));
    assert!(facts(1).position < facts(2).position && facts(2).position < facts(3).position);
    assert_eq!(facts(1).actor.as_str(), "wms-1");
    let now = driver.hash();
    assert_eq!(driver.replayed(), now);
}

#[test]
fn a_row_that_is_wrong_by_itself_is_refused_with_its_field() {
    let mut driver = Driver::alone();
    let id = CalendarId::new("c").unwrap();
    let mut late = node("n1", None);
    late.cutoff_minute = Some(1440);
    let outcomes = rows(&mut driver, &Command::UpsertNodes(vec![late]));
    let RowOutcome::Refused(refusal) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!((refusal.field(), refusal.reason()), ("cutoff_minute_of_day", "NETWORK_ROW_FAULTY"));
    let calendar = Calendar::sorted(id, text(""), vec![], vec![]).unwrap();
    assert_eq!(rows(&mut driver, &Command::UpsertCalendars(vec![calendar])), [RowOutcome::Created]);
}

#[test]
fn a_node_of_another_partition_is_told_there_and_an_older_word_does_not_count() {
    let layout = Layout::even(8).unwrap();
    let mut home = Driver::new(layout.network_home(), layout);
    let name =
        (0..).map(|n| format!("store-{n}")).find(|name| layout.node_home(&node_id(name)).index == 3).unwrap();
    let mut other = Driver::new(PartitionId::new(Service::Fulfillment, 3), layout);
    rows(&mut home, &Command::UpsertNodes(vec![node(&name, Some(5)), node(&name, Some(6))]));
    let messages = home.take_sent();
    assert_eq!(messages.len(), 2);
    for message in messages.iter().chain(&messages[..1]) {
        other.receive(message.clone());
    }
    assert!(matches!(&messages[0], Message::NodeChanged(facts) if facts.revision == 1));
    let desk = other.state.desk(&node_id(&name)).unwrap();
    assert_eq!((desk.facts.revision, desk.facts.day_capacity_units), (2, Some(6)));
    let refusal = other.run(&Command::UpsertNodes(vec![node("n1", None)])).unwrap_err();
    assert_eq!(refusal, Refusal::NotNetworkHome);
}
