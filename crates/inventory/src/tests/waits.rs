//! Orders that wait for stock.

use super::*;
use waybill_types::exchange::Landing;

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

#[test]
fn a_rise_is_not_missed_because_the_clock_of_the_order_goes_ahead() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "store-1", 5);
    let message = Message::AwaitStock {
        order: order(1),
        sku: sku("A"),
        owner: OwnerId::main(),
        quantity: q(1),
        priority: 0,
        since: cluster.now.plus_ms(300),
    };
    cluster.send(ORDERS, cluster.home("A"), message);
    cluster.deliver_all();
    assert_eq!(told(&mut cluster), vec![1], "the order may have looked before the stock came");
    cluster.assert_lawful();
}

/// The order looks for stock, finds none for it and waits on.
fn waits_on(cluster: &mut Cluster, number: u64) {
    let since = Timestamp::ZERO;
    let (sku, owner, quantity) = (sku("A"), OwnerId::main(), q(9));
    let message = Message::AwaitStock { order: order(number), sku, owner, quantity, priority: 0, since };
    cluster.send(ORDERS, cluster.home("A"), message);
    cluster.deliver_all();
}

fn at(number: u64, node: &str) -> (u64, Option<String>) {
    (number, Some(node.to_owned()))
}

#[test]
fn who_waits_hears_where_on_hand_stock_rose_and_of_no_node_where_only_a_claim_was_given_back() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n1", 3);
    let id = cluster.hold(1, 60_000, &[claim("A", "n1", 3)]).unwrap().id;
    wait(&mut cluster, 1, 9, 0);
    cluster.ask(id.home(), &Command::Release { id, claims: None }).unwrap();
    assert_eq!(news(&mut cluster), vec![(1, None)]);

    cluster.receive("A", "n2", 1);
    assert_eq!(news(&mut cluster), vec![at(1, "n2")]);
    let adjust = |delta| Command::Adjust { spot: spot("A", "n1"), condition: Condition::Sellable, delta };
    cluster.run("A", adjust(1)).unwrap();
    assert_eq!(news(&mut cluster), vec![at(1, "n1")]);
    cluster.run("A", adjust(-2)).unwrap();
    assert_eq!(news(&mut cluster), vec![]);
    let counted = |counted| crate::CountRow {
        spot: spot("A", "n3"),
        condition: Condition::Sellable,
        counted: q(counted),
        sequence: counted,
    };
    cluster.run("A", Command::Count { source: text("wms"), row: counted(2) }).unwrap();
    assert_eq!(news(&mut cluster), vec![at(1, "n3")]);
    let goods = claim("A", "n4", 1);
    let goods = vec![waybill_types::exchange::LandedGoods { goods, landing: Landing::Inspect }];
    cluster.send(ORDERS, cluster.home("A"), Message::GoodsReturned(order(7), text("R"), goods));
    cluster.deliver_all();
    assert_eq!(news(&mut cluster), vec![], "it waits for a look");
    let (from, to) = (Condition::Inspect, Condition::Sellable);
    let (spot, quantity, reference) = (spot("A", "n4"), q(1), text(""));
    cluster.run("A", Command::Disposition { spot, from, to, quantity, reference }).unwrap();
    assert_eq!(news(&mut cluster), vec![at(1, "n4")]);
    cluster.assert_lawful();
}

#[test]
fn an_order_deep_in_the_queue_hears_of_every_node_when_its_turn_comes() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    wait(&mut cluster, 1, 4, 9);
    wait(&mut cluster, 2, 4, 0);
    cluster.receive("A", "n1", 4);
    assert_eq!(news(&mut cluster), vec![at(1, "n1")], "enough for the first only");
    cluster.receive("A", "n2", 1);
    cluster.receive("A", "n1", 4);
    assert_eq!(news(&mut cluster), vec![at(1, "n2"), at(1, "n1"), at(2, "n2"), at(2, "n1")]);
    cluster.receive("A", "n3", 1);
    assert_eq!(news(&mut cluster), vec![at(1, "n3"), at(2, "n3")], "and of each rise once");
    cluster.assert_lawful();
}

#[test]
fn an_order_told_of_several_nodes_at_once_looks_once() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    wait(&mut cluster, 1, 9, 0);
    cluster.receive("A", "n1", 1);
    cluster.receive("A", "n2", 1);
    assert_eq!(news(&mut cluster), vec![at(1, "n1"), at(1, "n2")]);
    waits_on(&mut cluster, 1);
    assert_eq!(news(&mut cluster), vec![], "or it would go round for ever");
    cluster.assert_lawful();
}

#[test]
fn a_feed_that_fills_many_nodes_is_told_in_bounded_pieces_and_none_is_lost() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    wait(&mut cluster, 1, 9, 0);
    for node in 0..70 {
        cluster.receive("A", &format!("n{node:02}"), 1);
    }
    let mut heard = std::collections::BTreeSet::new();
    let mut rounds = Vec::new();
    loop {
        let news = news(&mut cluster);
        if news.is_empty() {
            break;
        }
        rounds.push(news.len());
        heard.extend(news.into_iter().filter_map(|(_, node)| node));
        waits_on(&mut cluster, 1);
    }
    assert_eq!((heard.len(), rounds), (70, vec![32, 32, 6]));
    cluster.assert_lawful();
}

#[test]
fn a_node_that_rose_before_an_order_waits_again_is_still_named() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    wait(&mut cluster, 1, 9, 0);
    cluster.receive("A", "n1", 1);
    assert_eq!(news(&mut cluster), vec![at(1, "n1")]);
    // While the order asks for a plan, another node gets stock, and the wait is replaced before anybody is told.
    cluster.receive("A", "n2", 1);
    waits_on(&mut cluster, 1);
    let heard = news(&mut cluster);
    assert!(heard.contains(&at(1, "n2")) && !heard.contains(&at(1, "n1")), "{heard:?}");
    cluster.assert_lawful();
}

#[test]
fn what_those_who_were_told_cannot_use_is_offered_to_the_next_in_turn_once() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    for number in 1..=4 {
        wait(&mut cluster, number, 9, 0);
    }
    cluster.receive("A", "n1", 2);
    for number in 1..=3 {
        assert_eq!(told(&mut cluster), vec![number], "one after the other");
        assert_eq!(told(&mut cluster), vec![] as Vec<u64>, "while that one looks");
        waits_on(&mut cluster, number);
        cluster.assert_lawful();
    }
    assert_eq!(told(&mut cluster), vec![4]);
    cluster.send(ORDERS, cluster.home("A"), Message::ForgetStock(order(4), sku("A"), OwnerId::main()));
    cluster.deliver_all();
    assert_eq!(told(&mut cluster), vec![] as Vec<u64>, "everybody had a turn, or it would go round for ever");
    cluster.receive("A", "n1", 1);
    assert_eq!(told(&mut cluster), vec![1], "a rise begins again with the first");
    cluster.assert_lawful();
}

#[test]
fn an_offer_out_of_turn_takes_nobody_s_turn_away() {
    let mut cluster = Cluster::new(1);
    cluster.with_item("A");
    wait(&mut cluster, 1, 9, 0);
    cluster.receive("A", "n1", 1);
    // Before anybody is told, another one says that it waits: it may have looked too early and is told at once.
    wait(&mut cluster, 2, 9, 0);
    assert_eq!(told(&mut cluster), vec![2, 1]);
    cluster.assert_lawful();
}

#[test]
fn who_waits_for_what_lies_at_a_node_that_opened_hears_of_it() {
    let mut cluster = Cluster::new(1);
    cluster.stocked("A", "n1", 2);
    cluster.stocked("A", "n2", 2);
    cluster.advance(120_000);
    wait(&mut cluster, 1, 1, 0);
    assert_eq!(news(&mut cluster), vec![], "it has seen what lies there");
    let opened = |node: &str| Message::NodeOpened(waybill_types::NodeId::new(node).unwrap());
    cluster.send(ORDERS, cluster.home("A"), opened("n3"));
    cluster.deliver_all();
    assert_eq!(news(&mut cluster), vec![], "nothing lies there");
    cluster.send(ORDERS, cluster.home("A"), opened("n2"));
    cluster.deliver_all();
    assert_eq!(news(&mut cluster), vec![at(1, "n2")]);
    waits_on(&mut cluster, 1);
    assert_eq!(news(&mut cluster), vec![], "and once only");
    cluster.assert_lawful();
}
