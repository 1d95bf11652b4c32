//! The file formats of `waybill import`: one plain record per row of a CSV or JSON lines file, read with the line and
//! column of every fault, and written back the same. It knows no gRPC, no machine and no network: whoever imports turns
//! records into requests. Amounts are minor units, quantities are whole numbers at the item's scale, points are
//! millionths of a degree. The formats are described in `docs/import-formats.md`.

mod cell;
mod error;
mod item;
mod network;
mod node;
mod order;
mod rates;
mod read;
mod record;
mod stock;
mod time;
mod words;
mod write;

pub use error::{FieldError, ReadError, RowError, WriteError};
pub use item::{Alias, BundlePart, ItemRecord, Unit};
pub use network::{
    CalendarException, CalendarRecord, DayHours, Departure, LaneRecord, OpenHours, PostalArea, Weekday,
    ZoneRecord,
};
pub use node::{NodeKind, NodeRecord};
pub use order::{AddressRecord, ContactRecord, DeliveryMethod, OrderLineRecord, OrderRecord, OutcomeRecord};
pub use rates::{RateCardRecord, RateStep};
pub use read::{Rows, read};
pub use record::{Format, Record};
pub use stock::{Condition, StockRecord};
pub use time::{Instant, MinuteOfDay};
pub use write::Writer;
