//! GetOrder: by id, or by channel and number.

use super::person;
use crate::door::Inner;
use crate::error::NoSuchNumber;
use crate::to_proto;
use tonic::Status;
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::get_order_request::Key;
use waybill_service_kit::{Caller, Fields, status};
use waybill_types::{Channel, ExternalNumber, OrderId, PartitionId};

/// By which key, checked.
enum By {
    Id(OrderId),
    Number(Channel, ExternalNumber),
}

pub(crate) async fn get(
    door: &Inner,
    caller: &Caller,
    message: proto::GetOrderRequest,
) -> Result<proto::GetOrderResponse, Status> {
    let mut fields = Fields::new();
    let by = match &message.key {
        Some(Key::OrderId(id)) => door.order_id(&mut fields, id).map(By::Id),
        Some(Key::External(key)) => {
            let channel = fields.check("external.channel", Channel::new(&key.channel));
            let number = ExternalNumber::new(&key.external_order_number);
            let number = fields.check("external.external_order_number", number);
            channel.zip(number).map(|(channel, number)| By::Number(channel, number))
        }
        None => {
            fields.wrong("order_id", "or external must be given");
            None
        }
    };
    door.after(&mut fields, &message.after);
    let by = fields.finish(by)?;
    let (home, unknown): (PartitionId, Status) = match &by {
        By::Id(id) if !door.is_here(*id) => return Err(Inner::unknown(*id)),
        By::Id(id) => (id.partition(), Inner::unknown(*id)),
        By::Number(channel, number) => {
            let none = NoSuchNumber { channel: channel.clone(), number: number.clone() };
            (door.layout.order_home(channel, number), status(&none))
        }
    };
    let found = door.read(home, move |state| {
        let id = match by {
            By::Id(id) => id,
            By::Number(channel, number) => state.by_number(&channel, &number)?,
        };
        state.order(id).map(|(opening, order)| (id, opening, order))
    });
    let (id, opening, order) = found.await?.ok_or(unknown)?;
    let person = person(door, caller, &opening, &order)?;
    let order = to_proto::order::order(id, &opening, &order, person.as_deref());
    Ok(proto::GetOrderResponse { order: Some(order), token: door.token(home) })
}
