//! Decisions that are kept: small, made again the same, checked without the planner, and found out when they are wrong.

mod common;

use common::random::{self, Spice};
use common::{World, at, node_id, request, ship, sku};
use waybill_sourcing::Recount;
use waybill_sourcing::decision::{Finding, Record, Standing};
use waybill_types::exchange::{AskedFor, PlanRequest};
use waybill_types::network::{Buffer, FallbackStep, NodeKind, NodeSet, Rules, ServeRule, When};
use waybill_types::{OrderId, Quantity};

fn asked(lines: Vec<waybill_types::exchange::PlanLine>) -> PlanRequest {
    let mut asked = request(at("Europe/Berlin", "2026-06-01", 9, 0, 0), lines);
    asked.asked_for = Some(AskedFor { order: OrderId::new(0, 7), attempt: 1 });
    asked
}

/// Four nodes with one price each, the first of them the cheapest, and one without a lane.
fn world() -> World {
    let mut world = World::new();
    world.zone("berlin", &["10"]);
    for (node, base) in [("a", 300), ("b", 400), ("c", 500), ("d", 600)] {
        world.node(node, NodeKind::Store, "Europe/Berlin");
        world.lane(node, "berlin", "std", base, 0);
        world.has(node, "A", 5);
    }
    world.node("far", NodeKind::Store, "Europe/Berlin");
    world.has("far", "A", 5);
    world.node("closed", NodeKind::Store, "Europe/Berlin").active = false;
    world.has("closed", "A", 5);
    world
}

fn record(world: &World, asked: &PlanRequest) -> Record {
    let ready = world.ready();
    let plan = ready.plan(asked);
    Record::of(&ready.network, &ready.mirror, asked, &plan).unwrap()
}

#[test]
fn a_decision_shows_what_else_could_have_been_and_why_the_others_were_not() {
    let world = world();
    let ready = world.ready();
    let asked = PlanRequest { excluded: vec![node_id("d")], ..asked(vec![ship(1, "A", 2)]) };
    let kept = record(&world, &asked);
    let shown = kept.explain(&ready.network, &ready.policy).unwrap();
    assert!(shown.repeats && kept.is_proven() && kept.whole);
    assert_eq!(shown.shipments.len(), 1);
    assert_eq!(
        (shown.shipments[0].node.as_str(), shown.shipments[0].cost_minor),
        ("a", kept.plan.cost_minor())
    );
    let next: Vec<(String, i64)> = shown
        .next
        .iter()
        .map(|other| (other.plan.assignments[0].node.to_string(), other.extra_minor))
        .collect();
    assert_eq!(next, [("b".to_owned(), 100), ("c".to_owned(), 200)], "d is excluded, nobody else is left");
    let counts = [
        (Standing::Chosen, 1),
        (Standing::NotCheaper, 2),
        (Standing::Inactive, 1),
        (Standing::Excluded, 1),
        (Standing::NoLane, 1),
    ];
    assert_eq!(shown.counts, counts);
    assert_eq!(shown.nodes.len(), 5);
    assert!(kept.verify(&ready.network, &ready.policy).is_empty());
}

#[test]
fn rules_and_the_steps_that_lifted_them_are_shown() {
    let mut world = world();
    let not_a = ServeRule {
        when: When::default(),
        nodes: NodeSet { kinds: vec![], nodes: vec![node_id("a")] },
        serves: false,
    };
    let keep = Buffer { when: When::default(), nodes: NodeSet::default(), keep_units: 5, keep_percent: 0 };
    world.policy.policy.rules = Some(Box::new(Rules {
        serves: vec![not_a],
        buffers: vec![keep],
        fallback: vec![FallbackStep::UseBuffers],
        ..Rules::default()
    }));
    let ready = world.ready();
    let kept = record(&world, &asked(vec![ship(1, "A", 2)]));
    let shown = kept.explain(&ready.network, &ready.policy).unwrap();
    assert_eq!(shown.relaxed, [FallbackStep::UseBuffers]);
    assert_eq!(shown.shipments[0].node.as_str(), "b");
    let of_a = shown.nodes.iter().find(|seen| seen.node.as_str() == "a").unwrap();
    assert_eq!(of_a.standing, Standing::NotServed);
    assert!(kept.verify(&ready.network, &ready.policy).is_empty());
}

#[test]
fn a_decision_that_was_tampered_with_is_found_out() {
    let world = world();
    let ready = world.ready();
    let kept = record(&world, &asked(vec![ship(1, "A", 2)]));
    let faults = |change: fn(&mut Record)| {
        let mut wrong = kept.clone();
        change(&mut wrong);
        wrong.verify(&ready.network, &ready.policy)
    };
    assert!(faults(|_| {}).is_empty());
    let cheaper = faults(|kept| kept.plan.cost[0].minor -= 1);
    assert!(cheaper.iter().any(|fault| matches!(fault, Finding::Cost { .. })), "{cheaper:?}");
    let elsewhere = faults(|kept| kept.plan.assignments[0].node = node_id("far"));
    assert!(matches!(elsewhere[0], Finding::Plan(_)), "{elsewhere:?}");
    let more = faults(|kept| {
        kept.lines[0].quantity = Quantity::of(9);
        kept.plan.assignments[0].quantity = Quantity::of(9);
    });
    assert!(more.iter().any(|fault| matches!(fault, Finding::Stock { given: 9, had: 5, .. })), "{more:?}");
    let forbidden = faults(|kept| kept.excluded = vec![node_id("a")]);
    assert_eq!(forbidden, [Finding::Excluded(node_id("a"))]);
    let bound = faults(|kept| kept.plan.lower_bound_minor += 1);
    assert!(matches!(bound[..], [Finding::Bound { .. }]), "{bound:?}");
    let version = faults(|kept| kept.plan.stamp.policy += 1);
    assert!(matches!(version[..], [Finding::Versions { .. }]), "{version:?}");
}

#[test]
fn a_decision_is_planned_once_more_under_another_policy_and_another_network() {
    let world = world();
    let ready = world.ready();
    let kept = record(&world, &asked(vec![ship(1, "A", 2)]));
    let mut other = ready.policy.clone();
    let not_a = NodeSet { kinds: vec![], nodes: vec![node_id("a")] };
    let rule = ServeRule { when: When::default(), nodes: not_a, serves: false };
    other.policy.rules = Some(Box::new(Rules { serves: vec![rule], ..Rules::default() }));
    let under = kept.under(&ready.network, &ready.network, &other).unwrap();
    assert_eq!(common::given(&under), [(1, "b".to_owned(), 2)]);
    // Another network numbers the nodes in another order, and knows no b.
    let mut later = world.clone();
    later.nodes.reverse();
    later.nodes.retain(|node| node.id.as_str() != "b");
    let mut names = waybill_sourcing::Interner::new();
    for name in ["d", "far", "c"] {
        names.intern(&node_id(name));
    }
    let later = later.ready_with(&mut names);
    let under = kept.under(&ready.network, &later.network, &other).unwrap();
    assert_eq!(common::given(&under), [(1, "c".to_owned(), 2)]);
}

/// 900 stores with five A each; the higher its number, the cheaper a store sends.
fn many_stores() -> World {
    let mut world = World::new();
    world.zone("berlin", &["10"]);
    for number in 0..900i64 {
        let node = format!("n{number:03}");
        world.node(&node, NodeKind::Store, "Europe/Berlin");
        world.lane(&node, "berlin", "std", 1_900 - number, 0);
        world.has(&node, "A", 5);
    }
    world
}

#[test]
fn where_many_nodes_have_stock_a_proven_plan_keeps_the_promising_ones() {
    let world = many_stores();
    let ready = world.ready();
    let question = asked(vec![ship(1, "A", 2)]);
    let kept = record(&world, &question);
    assert!(!kept.whole && kept.left_out == 900 - 64, "{}", kept.left_out);
    let bytes = minicbor::to_vec(&kept).unwrap();
    assert!(bytes.len() <= 1_024, "{} bytes", bytes.len());
    assert_eq!(minicbor::decode::<Record>(&bytes).unwrap(), kept);
    let shown = kept.explain(&ready.network, &ready.policy).unwrap();
    assert_eq!((shown.repeats, shown.next.len()), (true, 3));
    assert!(kept.verify(&ready.network, &ready.policy).is_empty());
    // One order in 64 keeps everything.
    let sampled = AskedFor { order: OrderId::new(0, 64), attempt: 1 };
    let all = record(&world, &PlanRequest { asked_for: Some(sampled), ..question });
    assert!(all.whole && all.left_out == 0);
}

#[test]
fn the_promising_nodes_have_most_of_the_lines_and_send_cheapest() {
    let mut world = many_stores();
    for number in 0..700 {
        world.has(&format!("n{number:03}"), "B", 5);
    }
    let ready = world.ready();
    let kept = record(&world, &asked(vec![ship(1, "A", 2), ship(2, "B", 1)]));
    assert!(!kept.whole && kept.plan.assignments.iter().all(|part| part.node == node_id("n699")));
    assert_eq!(kept.left_out, 900 - 64 + 700 - 64, "who has both comes before who sends cheaper");
    let shown = kept.explain(&ready.network, &ready.policy).unwrap();
    let next: Vec<&str> = shown.next.iter().map(|other| other.plan.assignments[0].node.as_str()).collect();
    assert_eq!(next, ["n698", "n697", "n696"]);
}

#[test]
fn decisions_of_random_worlds_are_made_again_the_same_and_are_sound() {
    let mut proven = 0;
    for seed in 0..400u64 {
        let (world, mut question) = random::world(seed, Spice { few_shipments: seed % 2 == 0, ..Spice::ALL });
        question.asked_for = Some(AskedFor { order: OrderId::new(0, seed + 1), attempt: 1 });
        let ready = world.ready();
        println!("seed {seed}");
        let plan = ready.plan(&question);
        let kept = Record::of(&ready.network, &ready.mirror, &question, &plan).unwrap();
        let faults = kept.verify(&ready.network, &ready.policy);
        assert!(faults.is_empty(), "seed {seed}: {faults:?}");
        let shown = kept.explain(&ready.network, &ready.policy).unwrap();
        assert!(shown.repeats, "seed {seed}");
        proven += u32::from(kept.is_proven());
        for other in &shown.next {
            let missing = |plan: &waybill_types::exchange::Plan| {
                plan.unplanned.iter().map(|units| units.quantity.units()).sum::<u64>()
            };
            let serves_as_much = missing(&other.plan) <= missing(&kept.plan);
            let cheaper_than_proven = kept.is_proven() && serves_as_much && other.extra_minor < 0;
            assert!(!cheaper_than_proven, "seed {seed}: {other:?}");
        }
    }
    assert!(proven > 40, "only {proven} are proven");
    assert!(kept_nothing_without_an_order());
}

fn kept_nothing_without_an_order() -> bool {
    let world = world();
    let ready = world.ready();
    let nobody = request(at("Europe/Berlin", "2026-06-01", 9, 0, 0), vec![ship(1, "A", 2)]);
    assert_eq!(sku("A"), nobody.lines[0].sku);
    Record::of(&ready.network, &ready.mirror, &nobody, &ready.plan(&nobody)).is_none()
}

/// The bound of every decision is counted again from its duals, without the planner; a bound that says too much is found
/// out, and so are duals that prove less.
#[test]
fn the_bound_of_a_decision_is_counted_again_from_its_duals() {
    let (mut held, mut open, mut refuted) = (0, 0, 0);
    for seed in 0..3_000 {
        let spice = Spice { few_shipments: seed % 2 == 0, terms: seed % 3 == 0, ..Spice::ALL };
        let (world, mut question) = random::world(seed, spice);
        question.asked_for = Some(AskedFor { order: OrderId::new(0, seed + 1), attempt: 1 });
        let ready = world.ready();
        let (plan, proof) =
            waybill_sourcing::plan_with_proof(&ready.network, &ready.policy, &ready.mirror, &question);
        assert_eq!(plan, ready.plan(&question));
        let Some(record) = Record::of(&ready.network, &ready.mirror, &question, &plan) else { panic!() };
        assert_eq!(record.recount(&ready.network, &ready.policy), None, "nothing is kept to count from");
        let has_proof = proof.is_some();
        let record = record.with_proof(proof);
        let bytes = minicbor::to_vec(&record).unwrap();
        let record: Record = minicbor::decode(&bytes).unwrap();
        match record.recount(&ready.network, &ready.policy) {
            Some(Recount::Holds) => held += 1,
            Some(Recount::Open) => open += 1,
            None => assert!(!has_proof, "seed {seed}"),
            Some(Recount::Cheaper(found)) => panic!("seed {seed}: {found} is below the bound of {plan:#?}"),
        }
        assert_eq!(record.verify(&ready.network, &ready.policy), [], "seed {seed}");
        // A plan that says that nothing is cheaper than more than it costs.
        let mut wrong = record.clone();
        wrong.plan.lower_bound_minor = plan.cost_minor() + 1;
        if let Some(Recount::Cheaper(found)) = wrong.recount(&ready.network, &ready.policy) {
            assert!(found <= plan.cost_minor(), "seed {seed}");
            let findings = wrong.verify(&ready.network, &ready.policy);
            assert!(findings.iter().any(|finding| matches!(finding, Finding::NoBound { .. })), "seed {seed}");
            refuted += 1;
        }
    }
    assert!(held > 2_500 && refuted > 2_000, "{held} hold, {open} are left open, {refuted} are refuted");
}

#[test]
fn a_line_is_worth_what_the_cheapest_way_of_serving_it_costs() {
    let mut world = World::new();
    world.zone("berlin", &["10"]);
    world.node("n1", waybill_types::network::NodeKind::LocalWarehouse, "Europe/Berlin");
    world.lane("n1", "berlin", "parcel", 300, 0);
    world.has("n1", "A", 9);
    let ready = world.ready();
    let mut question = request(at("Europe/Berlin", "2026-06-01", 9, 0, 0), vec![ship(1, "A", 2)]);
    question.asked_for = Some(AskedFor { order: OrderId::new(0, 1), attempt: 1 });
    let (plan, proof) =
        waybill_sourcing::plan_with_proof(&ready.network, &ready.policy, &ready.mirror, &question);
    let record = Record::of(&ready.network, &ready.mirror, &question, &plan).unwrap().with_proof(proof);
    // 3.00, a day at 0.50 and the split penalty of 2.00, which the first parcel is spared, over two units.
    assert_eq!(record.line_values(&ready.network, &ready.policy), [(waybill_types::LineNo(1), 275)]);
}
