//! Terms of a policy in random small worlds, and the referee's own reading of them.

use super::World;
use super::dice::Dice;
use waybill_types::Text;
use waybill_types::exchange::PlanRequest;
use waybill_types::network::{
    CompleteRule, Completeness, LocalDay, Node, NodeKind, NodeSet, Policy, Rules, Terms, TogetherRule,
    UnitPrice, When,
};

/// The day on which every random world is asked, 2026-06-01; nodes there have everything ready at once.
const TODAY: LocalDay = LocalDay(20_605);

fn classes(names: &[&str]) -> When {
    When { classes: names.iter().map(|name| Text::new(*name).unwrap()).collect(), ..When::default() }
}

/// Gives items classes and the policy some terms.
pub(crate) fn add(world: &mut World, dice: &mut Dice) {
    for sku in ["A", "B", "C"] {
        if dice.percent(70) {
            let class = if dice.percent(60) { "set" } else { "loose" };
            world.classes.push((sku.into(), class.into()));
        }
    }
    let mut terms = Terms::default();
    for _ in 0..dice.below(4) {
        terms.prices.push(random_price(world, dice));
    }
    if dice.percent(50) {
        let how = [Completeness::OneNode, Completeness::OneDay, Completeness::Apart][dice.below(3) as usize];
        terms.complete.push(CompleteRule { when: When::default(), how });
    }
    if dice.percent(50) {
        let named: &[&str] = if dice.percent(70) { &["set"] } else { &["set", "loose"] };
        terms.together.push(TogetherRule { when: classes(named) });
    }
    let rules = Rules { terms: Some(Box::new(terms)), ..Rules::default() };
    world.policy.policy.rules = Some(Box::new(rules));
}

fn random_price(world: &World, dice: &mut Dice) -> UnitPrice {
    let mut nodes = NodeSet::default();
    if dice.percent(60) {
        nodes.nodes.push(world.nodes[dice.below(world.nodes.len() as u64) as usize].id.clone());
    }
    if dice.percent(30) {
        nodes.kinds.push(NodeKind::CentralWarehouse);
    }
    let day = |dice: &mut Dice| dice.percent(25).then(|| LocalDay(TODAY.0 + dice.below(3) as i32 - 1));
    let (from_day, until_day) = (day(dice), day(dice));
    UnitPrice {
        when: if dice.percent(30) { classes(&["set"]) } else { When::default() },
        nodes,
        skus: if dice.percent(50) {
            vec![super::sku(["A", "B"][dice.below(2) as usize])]
        } else {
            Vec::new()
        },
        minor: dice.below(700) as i64 - 250,
        from_day,
        until_day,
    }
}

fn terms(policy: &Policy) -> Option<&Terms> {
    policy.rules.as_ref()?.terms.as_deref()
}

fn class<'w>(world: &'w World, sku: &str) -> Option<&'w str> {
    world.classes.iter().find(|(known, _)| known == sku).map(|(_, class)| class.as_str())
}

pub(crate) fn completeness(policy: &Policy) -> Completeness {
    terms(policy).and_then(|terms| terms.complete.first()).map_or(Completeness::Apart, |rule| rule.how)
}

/// What a whole unit costs on top.
pub(crate) fn price(world: &World, node: &Node, sku: &str) -> i64 {
    let Some(terms) = terms(&world.policy.policy) else { return 0 };
    let mut sum = 0;
    for price in &terms.prices {
        let named = price.nodes.nodes.contains(&node.id) || price.nodes.kinds.contains(&node.kind);
        let here = named || (price.nodes.nodes.is_empty() && price.nodes.kinds.is_empty());
        let item = price.skus.is_empty() || price.skus.iter().any(|known| known.as_str() == sku);
        let fits = price.when.classes.is_empty()
            || price.when.classes.iter().any(|named| Some(named.as_str()) == class(world, sku));
        let begun = price.from_day.is_none_or(|day| day <= TODAY);
        let over = price.until_day.is_some_and(|day| day < TODAY);
        if here && item && fits && begun && !over {
            sum += price.minor;
        }
    }
    sum
}

/// Lines of a set are all at one node, whole, or nowhere. `given` is by line and node.
pub(crate) fn kept_together(world: &World, request: &PlanRequest, given: &[Vec<u64>]) -> bool {
    let rules = terms(&world.policy.policy).map_or(&[][..], |terms| &terms.together);
    rules.iter().all(|rule| {
        let in_set = |line: &usize| {
            let class = class(world, request.lines[*line].sku.as_str());
            class.is_some_and(|class| rule.when.classes.iter().any(|named| named.as_str() == class))
        };
        let set: Vec<usize> = (0..given.len()).filter(in_set).collect();
        let nodes = given.first().map_or(0, Vec::len);
        let units = |node: usize, line: &usize| given[*line][node];
        let used: Vec<usize> =
            (0..nodes).filter(|node| set.iter().any(|line| units(*node, line) > 0)).collect();
        let whole =
            |node: usize| set.iter().all(|line| units(node, line) == request.lines[*line].quantity.units());
        used.is_empty() || used.len() == 1 && whole(used[0])
    })
}
