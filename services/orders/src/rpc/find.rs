//! FindOrders: every partition is asked for its newest matches, and what is surely newest of all is answered.

mod lanes;

use super::person;
use crate::door::Inner;
use crate::from_proto::find::{Filter, filter};
use crate::to_proto;
use futures::future::try_join_all;
use lanes::{Dated, Lanes};
use std::sync::Arc;
use tonic::Status;
use waybill_orders::content::{Lookup, LookupKind, Requested};
use waybill_orders::order::WorkRef;
use waybill_orders::{Opening, Order, OrdersState, status};
use waybill_proto::orders::v1 as proto;
use waybill_service_kit::values::page_size;
use waybill_service_kit::{Caller, DoorError, Fields, OpenedPerson, names, opaque};
use waybill_types::policy::HoldCode;
use waybill_types::{ExternalNumber, NodeId, OrderId, PartitionId, Timestamp};

pub(crate) async fn find(
    door: &Inner,
    caller: &Caller,
    message: proto::FindOrdersRequest,
) -> Result<proto::FindOrdersResponse, Status> {
    let mut fields = Fields::new();
    let wanted = filter(&mut fields, &door.seal, &message);
    let size = page_size(&mut fields, message.page_size, 50, 200);
    door.after(&mut fields, &message.after);
    let (wanted, size) = fields.finish(wanted.zip(size))?;
    // A token continues the search it came from and no other.
    let kind = format!("orders that match {wanted:?}");
    let places = Place::opened(&kind, &message.page_token, door.everywhere().count())?;
    let search = Search::new(door, wanted, size);
    let (hits, places) = search.page(places).await?;
    let orders = hits.iter().map(|hit| {
        let person = person(door, caller, &hit.opening, &hit.order)?;
        Ok(to_proto::order::summary(hit.id, &hit.opening, &hit.order, person.as_deref()))
    });
    let orders = orders.collect::<Result<_, Status>>()?;
    Ok(proto::FindOrdersResponse { orders, next_page_token: Place::sealed(&kind, &places) })
}

/// The search for one page.
pub(crate) struct Search<'a> {
    pub(crate) door: &'a Inner,
    pub(crate) wanted: Arc<Filter>,
    /// Hits of the page at most.
    pub(crate) size: usize,
    /// Rows of one partition that the page looks at, at most.
    pub(crate) rows_max: usize,
}

impl<'a> Search<'a> {
    /// The search of a door for pages of this size.
    pub(crate) fn new(door: &'a Inner, wanted: Filter, size: usize) -> Self {
        Self { door, wanted: Arc::new(wanted), size, rows_max: door.settings.find_rows_max }
    }

    /// The next hits after `places`, newest first, and where each partition goes on. A partition is asked for its part of a
    /// page and a little more, and again only when what it has left may be newer than all the others have: so that few
    /// more orders are read than are answered, and no partition is asked in vain.
    pub(crate) async fn page(&self, places: Vec<Place>) -> Result<(Vec<Hit>, Vec<Place>), Status> {
        let partitions: Vec<_> = self.door.everywhere().collect();
        let mut lanes = Lanes::from(&places);
        let mut hits: Vec<Hit> = Vec::new();
        loop {
            while hits.len() < self.size
                && let Some(hit) = lanes.pop()
            {
                if self.is_named(&hit)? {
                    hits.push(hit);
                }
            }
            let asked = lanes.to_ask();
            let tired = |index: &usize| lanes.lane(*index).looked_at >= self.rows_max;
            if hits.len() >= self.size || asked.is_empty() || asked.iter().any(tired) {
                return Ok((hits, lanes.places()));
            }
            let left = self.size - hits.len();
            let part = (left.div_ceil(partitions.len()) + AHEAD).min(left);
            let searches = asked.iter().map(|index| {
                let (lane, wanted) = (lanes.lane(*index), Arc::clone(&self.wanted));
                let (place, rows_left) = (lane.next(), self.rows_max - lane.looked_at);
                self.door
                    .read(partitions[*index], move |state| search(state, &wanted, place, part, rows_left))
            });
            let found = try_join_all(searches).await?;
            asked.into_iter().zip(found).for_each(|(index, found)| lanes.add(index, found));
        }
    }

    /// The next hits of one partition, newest first, and where it goes on. May be empty although more follow.
    pub(crate) async fn part(
        &self,
        partition: PartitionId,
        place: Place,
    ) -> Result<(Vec<Hit>, Place), Status> {
        let (wanted, size, rows_max) = (Arc::clone(&self.wanted), self.size, self.rows_max);
        let found = self.door.read(partition, move |state| search(state, &wanted, place, size, rows_max));
        let found = found.await?;
        let next = found.looked_through.map_or(Place::Done, |(_, id)| Place::OlderThan(id));
        let mut hits = Vec::with_capacity(found.hits.len());
        for hit in found.hits {
            if self.is_named(&hit)? {
                hits.push(hit);
            }
        }
        Ok((hits, next))
    }

    /// True when the order's people have the words that are looked for: its digests know only how words begin.
    fn is_named(&self, hit: &Hit) -> Result<bool, Status> {
        if self.wanted.words.is_empty() {
            return Ok(true);
        }
        let Some(sealed) = &hit.order.content(&hit.opening).recipient else { return Ok(false) };
        Ok(match self.door.seal.open(sealed)? {
            OpenedPerson::Known(person) => names::match_all(&self.wanted.words, person.names()),
            OpenedPerson::Erased => false,
        })
    }
}

/// Where the search of one partition goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Newest,
    OlderThan(OrderId),
    Done,
}

impl Place {
    /// Where each of `partitions` goes on, from a token; all begin with an empty one.
    pub(crate) fn opened(kind: &str, token: &str, partitions: usize) -> Result<Vec<Self>, DoorError> {
        if token.is_empty() {
            return Ok(vec![Self::Newest; partitions]);
        }
        let numbers: Vec<u64> = opaque::open(kind, "page_token", token)?;
        Ok(numbers.into_iter().map(Self::from_number).collect())
    }
    /// The token of these places; empty when nothing follows.
    pub(crate) fn sealed(kind: &str, places: &[Self]) -> String {
        let numbers: Vec<u64> = places.iter().map(|place| place.number()).collect();
        let more = places.iter().any(|place| *place != Self::Done);
        if more { opaque::seal(kind, &numbers) } else { String::new() }
    }
    pub(crate) const fn number(self) -> u64 {
        match self {
            Place::Newest => u64::MAX,
            Place::OlderThan(id) => id.as_u64(),
            Place::Done => 0,
        }
    }
    pub(crate) const fn from_number(number: u64) -> Self {
        match number {
            u64::MAX => Place::Newest,
            0 => Place::Done,
            id => Place::OlderThan(OrderId::from_u64(id)),
        }
    }
    const fn before(self) -> Option<OrderId> {
        match self {
            Place::OlderThan(id) => Some(id),
            Place::Newest | Place::Done => None,
        }
    }
}

/// One match.
#[derive(Clone)]
pub(crate) struct Hit {
    /// What it is sorted by: when the partition took it, which never goes back with growing ids; in a search by time, when
    /// it was placed.
    pub(crate) at: Timestamp,
    pub(crate) id: OrderId,
    pub(crate) opening: Arc<Opening>,
    pub(crate) order: Arc<Order>,
}

impl Dated for Hit {
    fn at(&self) -> (Timestamp, OrderId) {
        (self.at, self.id)
    }
}

/// Matches of one partition, newest first, and how far it has looked: `None` when it has looked at everything.
struct Found<H = Hit> {
    hits: Vec<H>,
    looked_through: Option<(Timestamp, OrderId)>,
    looked_at: usize,
}

/// Hits that a partition is asked for beyond its even part of a page: how many of the newest are its is chance.
const AHEAD: usize = 2;

/// Rows read at once.
const ROWS_MAX: usize = 64;

fn search(state: &OrdersState, wanted: &Filter, place: Place, size: usize, rows_max: usize) -> Found {
    let mut found = Found { hits: Vec::new(), looked_through: None, looked_at: 0 };
    if place == Place::Done {
        return found;
    }
    let mut before = place.before();
    // One more than is wanted, so that rows are not read in vain; twice as many when most of them do not match.
    let mut rows = size + 1;
    loop {
        let candidates = candidates(state, wanted, before, rows);
        let ended = candidates.len() < rows;
        rows = (rows * 2).min(ROWS_MAX);
        for (id, order) in candidates {
            let Some((opening, order)) = whole(state, id, order) else { continue };
            found.looked_at += 1;
            before = Some(id);
            let by_time = matches!(Source::of(wanted), Source::Time);
            let at = if by_time { opening.content().placed_at } else { opening.at };
            // An order is taken when it is placed or, imported, later: nothing older can have been placed since.
            if wanted.placed.earliest.is_some_and(|earliest| at < earliest) {
                return found;
            }
            if matches(wanted, &opening, &order) {
                found.hits.push(Hit { at, id, opening, order });
            }
            if found.hits.len() == size || found.looked_at >= rows_max {
                found.looked_through = Some((at, id));
                return found;
            }
        }
        if ended {
            return found;
        }
    }
}

/// What a search goes by: the narrowest key that is given.
enum Source<'a> {
    Number(&'a ExternalNumber),
    Lookup(&'a Lookup),
    Hold(&'a HoldCode),
    Node(&'a NodeId),
    Time,
    Newest,
}

impl<'a> Source<'a> {
    fn of(wanted: &'a Filter) -> Self {
        let placed = (wanted.placed != Requested::default()).then_some(Self::Time);
        (wanted.number.as_ref().map(Self::Number))
            .or_else(|| wanted.lookups.first().map(Self::Lookup))
            .or_else(|| wanted.hold.as_ref().map(Self::Hold))
            .or_else(|| wanted.node.as_ref().map(Self::Node))
            .or(placed)
            .unwrap_or(Self::Newest)
    }
}

/// Orders that may match, newest first, older than `before`: at least `rows` of them, or all there are. With their rows
/// where these were read to find them.
fn candidates(
    state: &OrdersState,
    wanted: &Filter,
    before: Option<OrderId>,
    rows: usize,
) -> Vec<(OrderId, Option<Arc<Order>>)> {
    let ids = match Source::of(wanted) {
        Source::Number(number) => by_number(state, wanted, number, before),
        Source::Lookup(lookup) => state.by_lookup(lookup.kind, lookup.digest, before, rows),
        Source::Hold(code) => state.by_hold(code, before, rows),
        Source::Node(node) => state.by_node(node, before, rows),
        Source::Time => {
            let placed = |id| Some((state.opening(id)?.content().placed_at, id));
            let latest = wanted.placed.latest.map(|latest| (latest, OrderId::from_u64(0)));
            state.by_time(before.and_then(placed).or(latest), rows)
        }
        Source::Newest => {
            let newest = state.newest(before, rows).into_iter();
            return newest.map(|(id, order)| (id, Some(order))).collect();
        }
    };
    ids.into_iter().map(|id| (id, None)).collect()
}

/// What was ordered and what became of it; the order's row is not read again where it was read on the way.
fn whole(state: &OrdersState, id: OrderId, order: Option<Arc<Order>>) -> Option<(Arc<Opening>, Arc<Order>)> {
    match order {
        Some(order) => Some((state.opening(id)?, order)),
        None => state.order(id),
    }
}

fn by_number(
    state: &OrdersState,
    wanted: &Filter,
    number: &ExternalNumber,
    before: Option<OrderId>,
) -> Vec<OrderId> {
    let mut ids = match &wanted.channel {
        Some(channel) => state.by_number(channel, number).into_iter().collect(),
        None => state.by_number_of_any_channel(number),
    };
    ids.retain(|id| before.is_none_or(|before| *id < before));
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids
}

fn matches(wanted: &Filter, opening: &Opening, order: &Order) -> bool {
    let content = order.content(opening);
    let Requested { earliest, latest } = wanted.placed;
    wanted.number.as_ref().is_none_or(|number| content.external == *number)
        && wanted.channel.as_ref().is_none_or(|channel| content.channel == *channel)
        && wanted.lookups.iter().all(|lookup| content.lookups.contains(lookup))
        && may_be_named(&wanted.other_words, &content.lookups)
        && wanted.sku.as_ref().is_none_or(|sku| content.lines.iter().any(|line| line.sku == *sku))
        && earliest.is_none_or(|earliest| content.placed_at >= earliest)
        && latest.is_none_or(|latest| content.placed_at < latest)
        && (wanted.statuses.is_empty() || wanted.statuses.contains(&status(order)))
        && wanted.node.as_ref().is_none_or(|node| order.works.iter().any(|work| works_at(work, node)))
        && wanted.hold.as_ref().is_none_or(|code| order.standing_holds().any(|hold| hold.code() == code))
}

/// False where all words of the order's people are indexed and one that is looked for is not among them: then the name
/// need not be opened.
fn may_be_named(words: &[Lookup], lookups: &[Lookup]) -> bool {
    let indexed = lookups.iter().filter(|lookup| lookup.kind == LookupKind::NamePrefix).count();
    indexed >= names::WORDS_MAX || words.iter().all(|word| lookups.contains(word))
}

/// Work that came to nothing is none.
fn works_at(work: &WorkRef, node: &NodeId) -> bool {
    work.node == *node && work.lines.iter().any(|units| !units.all().is_zero())
}
