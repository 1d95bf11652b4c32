//! The audit: every law, checked on a durable cut of all partitions. Each partition checks what it can alone; the laws
//! that span partitions are checked here, with messages under way counted.

mod across;
pub mod cut;
mod journal;
mod part;
mod running;

use std::collections::BTreeMap;
use waybill_machine::Violation;
use waybill_replica::{Host, RecoveryError};
use waybill_types::Service;

pub use part::{Books, FulfillmentPart, InventoryPart, OrdersPart};
pub use running::{AuditError, NotCut, Running, Stopped};

/// What was found for one law.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LawReport {
    /// How many things were checked.
    pub checked: u64,
    /// What does not hold; at most [`LISTED_MAX`] are kept.
    pub violations: Vec<String>,
    /// All violations, listed or not.
    pub violation_count: u64,
    /// This version has nothing that the law is about.
    pub not_yet_built: bool,
}

/// Violations listed per law.
pub const LISTED_MAX: usize = 100;

/// The laws in the order they are reported.
pub const LAWS: [&str; 13] = [
    "STOCK-1",
    "STOCK-2",
    "STOCK-3",
    "ITEM-1",
    "ORDER-1",
    "ORDER-2",
    "FULFIL-1",
    "FULFIL-2",
    "MONEY-1",
    "ONCE-1",
    "DURABLE-1",
    "WHO-1",
    "WHO-2",
];

/// Reports by law.
#[derive(Clone, Debug, Default)]
pub struct Report(BTreeMap<&'static str, LawReport>);

impl Report {
    fn checked(&mut self, law: &'static str, count: u64) {
        self.0.entry(law).or_default().checked += count;
    }
    fn violated(&mut self, violation: Violation) {
        let report = self.0.entry(violation.law).or_default();
        report.violation_count += 1;
        if report.violations.len() < LISTED_MAX {
            report.violations.push(violation.what);
        }
    }
    /// Every law of [`LAWS`], then any other that a machine names.
    pub fn laws(&self) -> impl Iterator<Item = (&'static str, LawReport)> + '_ {
        let listed = LAWS.into_iter().map(|law| {
            let built = LawReport { not_yet_built: law == "WHO-1", ..LawReport::default() };
            (law, self.0.get(law).cloned().unwrap_or(built))
        });
        let others = self.0.iter().filter(|(law, _)| !LAWS.contains(law));
        listed.chain(others.map(|(law, report)| (*law, report.clone())))
    }
    /// True when every law that was checked holds.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.0.values().all(|report| report.violation_count == 0)
    }
}

/// The parts of one cut.
#[derive(Default)]
pub struct Cut {
    /// Of every orders partition.
    pub orders: Vec<OrdersPart>,
    /// Of every inventory partition.
    pub inventory: Vec<InventoryPart>,
    /// Of every fulfilment partition.
    pub fulfillment: Vec<FulfillmentPart>,
    /// Of the partition of customers; it has nothing that another one must agree to.
    pub customers: Vec<Books>,
}

impl Cut {
    /// Judges a cut by every law.
    #[must_use]
    pub fn judge(self) -> Report {
        let mut report = Report::default();
        let books = self.orders.iter().map(|part| &part.books);
        let books = books.chain(self.inventory.iter().map(|part| &part.books));
        let books = books.chain(self.fulfillment.iter().map(|part| &part.books));
        let books: Vec<_> = books.chain(&self.customers).collect();
        for book in &books {
            book.laws.iter().for_each(|(law, count)| report.checked(law, *count));
            book.violations.iter().for_each(|violation| report.violated(violation.clone()));
        }
        across::messages_arrive_once(&books, &mut report);
        across::codes_are_of_one_item(&self.inventory, &mut report);
        let moving = across::Moving::of(&books);
        let needed = [Service::Orders, Service::Inventory, Service::Fulfillment];
        if needed.iter().all(|service| books.iter().any(|book| book.id.service == *service)) {
            across::reservations_belong_to_orders(&self.orders, &self.inventory, &moving, &mut report);
            across::nodes_have_what_orders_think(&self.orders, &self.fulfillment, &moving, &mut report);
        }
        report
    }
}

/// Rebuilds every partition of a directory that nobody serves, and judges.
///
/// # Errors
/// [`RecoveryError`] when a state cannot be rebuilt.
pub fn audit_offline(host: &Host) -> Result<Report, RecoveryError> {
    let mut cut = Cut::default();
    let layout = host.layout();
    for id in layout.partitions(Service::Orders) {
        cut.orders.push(OrdersPart::look(&host.rebuild(id)?));
    }
    for id in layout.partitions(Service::Inventory) {
        cut.inventory.push(InventoryPart::look(&host.rebuild(id)?));
    }
    for id in layout.partitions(Service::Fulfillment) {
        cut.fulfillment.push(FulfillmentPart::look(&host.rebuild(id)?));
    }
    for id in layout.partitions(Service::Customers) {
        cut.customers.push(Books::of(&host.rebuild::<waybill_customers::Customers>(id)?));
    }
    let mut report = cut.judge();
    check_journal(host, &mut report);
    Ok(report)
}

/// Reads the journal back and adds what was found under DURABLE-1 and ONCE-1.
pub fn check_journal(host: &Host, report: &mut Report) {
    journal::reads_back(&**host.journal(), host.layout(), report);
}
