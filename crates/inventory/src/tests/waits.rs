//! Orders that wait for stock.

use super::*;

fn wait(cluster: &mut Cluster, number: u64, units: u64, priority: u8) {
    let since = cluster.now;
    let message = Message::AwaitStock {
        order: order(number),
        sku: sku("A"),
        owner: OwnerId::main(),
        quantity: q(units),
        priority,
        since,
    };
    let home = cluster.home("A");
    cluster.send(ORDERS, home, message);
    cluster.deliver_all();
    cluster.advance(1);
}

/// Who was told, and of which node.
fn news(cluster: &mut Cluster) -> Vec<(u64, Option<String>)> {
    cluster.tick();
    let told = std::mem::take(&mut cluster.told);
    let news = told.into_iter().filter_map(|(_, message)| match message {
        Message::StockArrived(order, _, _, node) => Some((order.number(), node.map(|node| node.to_string()))),
        _ => None,
    });
    news.collect()
}

/// Who was told, however often in a row.
fn told(cluster: &mut Cluster) -> Vec<u64> {
    let mut numbers: Vec<u64> = news(cluster).into_iter().map(|(number, _)| number).collect();
    numbers.dedup();
    numbers
}

#[test]
fn a_receipt_tells_those_whom_it_serves_by_priority_then_age() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    wait(&mut cluster, 1, 4, 0);
    wait(&mut cluster, 2, 4, 9);
    wait(&mut cluster, 3, 4, 0);
    assert_eq!(told(&mut cluster), vec![] as Vec<u64>);
    cluster.receive("A", "store-1", 10);
    assert_eq!(told(&mut cluster), vec![2, 1], "the third does not fit into ten units");
    assert_eq!(told(&mut cluster), vec![] as Vec<u64>, "nobody is told twice of one rise");
    cluster.receive("A", "store-2", 2);
    assert_eq!(told(&mut cluster), vec![2, 1, 3]);
    cluster.assert_lawful();
}

#[test]
fn the_first_is_told_even_when_less_than_it_wants_arrived() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    wait(&mut cluster, 1, 40, 0);
    wait(&mut cluster, 2, 1, 0);
    cluster.receive("A", "store-1", 10);
    assert_eq!(told(&mut cluster), vec![1]);
}

#[test]
fn what_a_claim_gives_back_is_news_and_what_nobody_may_take_is_not() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 3);
    let id = cluster.hold(1, 60_000, &[claim("A", "store-1", 3)]).unwrap().id;
    wait(&mut cluster, 1, 1, 0);
    cluster.ask(id.home(), &Command::Release { id, claims: Some(vec![claim("A", "store-1", 1)]) }).unwrap();
    assert_eq!(told(&mut cluster), vec![1]);
    cluster.advance(60_000);
    assert_eq!(told(&mut cluster), vec![1], "the hold lapsed");
    cluster.run("A", Command::SetSafetyStock { spot: spot("A", "store-1"), safety_stock: q(3) }).unwrap();
    cluster.receive("A", "store-1", 1);
    cluster.hold(2, 60_000, &[claim("A", "store-1", 1)]).unwrap();
    assert_eq!(told(&mut cluster), vec![] as Vec<u64>, "what came was taken before anyone was told");
    cluster.assert_lawful();
}

#[test]
fn an_order_that_no_longer_waits_is_not_told() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    wait(&mut cluster, 1, 1, 0);
    let home = cluster.home("A");
    cluster.send(ORDERS, home, Message::ForgetStock(order(1), sku("A"), OwnerId::main()));
    cluster.send(ORDERS, home, Message::ForgetStock(order(1), sku("A"), OwnerId::main()));
    cluster.deliver_all();
    cluster.receive("A", "store-1", 1);
    assert_eq!(told(&mut cluster), vec![] as Vec<u64>);
    assert!(cluster.state(home).waits.all().is_empty());
    cluster.assert_lawful();
}

#[test]
fn a_rise_that_came_between_the_look_and_the_wait_is_not_missed() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    let before = cluster.now;
    cluster.advance(5);
    cluster.receive("A", "store-1", 5);
    let home = cluster.home("A");
    let wait_since = |since| Message::AwaitStock {
        order: order(1),
        sku: sku("A"),
        owner: OwnerId::main(),
        quantity: q(1),
        priority: 0,
        since,
    };
    cluster.send(ORDERS, home, wait_since(before));
    cluster.deliver_all();
    assert_eq!(told(&mut cluster), vec![1], "demand older than the rise is told at once");

    // It could not use that stock and waits again: told only of what came since.
    cluster.send(ORDERS, home, wait_since(before));
    cluster.deliver_all();
    assert_eq!(told(&mut cluster), vec![] as Vec<u64>, "or it would go round for ever");
    cluster.receive("A", "store-2", 1);
    assert_eq!(told(&mut cluster), vec![1]);
    cluster.assert_lawful();
}
