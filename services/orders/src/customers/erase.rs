//! EraseCustomer: the orders first, then the record, so that a call that was cut short still finds what is left to do.

use super::whose::Who;
use super::{CustomersDoor, Inner, parse};
use crate::rpc;
use crate::rpc::may_erase;
use tonic::Status;
use waybill_customers::{Answer, Command};
use waybill_machine::Content;
use waybill_proto::customers::v1 as proto;
use waybill_proto::orders::v1 as orders;
use waybill_service_kit::{Caller, Fields, Write};

pub(crate) async fn erase(
    CustomersDoor(door): &CustomersDoor,
    caller: Caller,
    message: proto::EraseCustomerRequest,
) -> Result<proto::EraseCustomerResponse, Status> {
    let mut fields = Fields::new();
    let head = fields.request_id(&message.request_id).zip(fields.reason(&message.reason));
    let customer = parse::customer(&mut fields, "customer_id", &message.customer_id);
    let ((request, reason), customer) = fields.finish(head.zip(customer))?;
    may_erase(&caller)?;
    let (id, record) = door.person(customer).await?;
    let (hits, _) = door.orders_of(&Who::Recorded(id, record), usize::MAX).await?;
    let mut erased = 0;
    for hit in hits.iter().filter(|hit| !hit.order.erased) {
        let one = orders::EraseSubjectRequest {
            request_id: format!("customer erased {}", hit.id),
            reason: message.reason.clone(),
            subject: Some(orders::erase_subject_request::Subject::OrderId(hit.id.to_string())),
        };
        rpc::erase::erase(&door.orders, caller.clone(), one).await?;
        erased += 1;
    }
    let target = format!("erasure of customer {customer}").into_bytes();
    let write = Write { caller, request, reason, target, content: Content::new() };
    let accepted = door.write(write, Command::Erase { customer, orders: erased }).await?;
    let Answer::Erased { customer, subjects, orders } = accepted.answer else {
        return Err(Inner::unexpected("an erasure", &accepted.answer));
    };
    door.destroy(subjects).await?;
    Ok(proto::EraseCustomerResponse {
        customer_id: customer.to_string(),
        order_count: orders,
        token: accepted.token.to_string(),
    })
}
