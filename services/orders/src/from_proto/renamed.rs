//! Refusals of an amendment with fields called as the caller called them. The machine numbers changes and knows nothing of
//! their messages.

use waybill_machine::FieldViolation;
use waybill_orders::refusal::{ChangeRefusal, Refusal};
use waybill_proto::orders::v1 as proto;
use waybill_proto::orders::v1::order_change::Change as Given;

/// What each change is called in its message.
pub(crate) fn names(given: &[proto::OrderChange]) -> Vec<&'static str> {
    let name = |given: &proto::OrderChange| match &given.change {
        None => "change",
        Some(Given::SetQuantity(_)) => "set_quantity",
        Some(Given::AddLine(_)) => "add_line",
        Some(Given::RemoveLine(_)) => "remove_line",
        Some(Given::SetShipTo(_)) => "set_ship_to",
        Some(Given::SetDelivery(_)) => "set_delivery",
        Some(Given::SetTime(_)) => "set_time",
        Some(Given::SetPrice(_)) => "set_price",
        Some(Given::Appease(_)) => "appease",
        Some(Given::SetNotes(_)) => "set_notes",
        Some(Given::Substitute(_)) => "substitute",
        Some(Given::SetDeliveryCharge(_)) => "set_delivery_charge",
    };
    given.iter().map(name).collect()
}

/// A refusal whose fields are called as in the message: `changes[0].line_number` of the machine is
/// `changes[0].set_quantity.line_number` there.
pub(crate) fn renamed(refusal: Refusal, names: &[&'static str]) -> Refusal {
    let renamed = |field: String| path(&field, names).unwrap_or(field);
    match refusal {
        Refusal::Malformed(violations) => {
            let violations = violations.into_iter().map(|FieldViolation { field, description }| {
                FieldViolation { field: renamed(field), description }
            });
            Refusal::Malformed(violations.collect())
        }
        Refusal::AmountsDisagree { field, given, computed } => {
            Refusal::AmountsDisagree { field: renamed(field), given, computed }
        }
        Refusal::Change(ChangeRefusal::PricingNeeded { field }) => {
            ChangeRefusal::PricingNeeded { field: renamed(field) }.into()
        }
        other => other,
    }
}

fn path(field: &str, names: &[&'static str]) -> Option<String> {
    let (index, rest) = field.strip_prefix("changes[")?.split_once("].")?;
    let name = names.get(index.parse::<usize>().ok()?)?;
    let rest = match (*name, rest.strip_prefix("line.")) {
        ("substitute", Some(rest)) => format!("with.{rest}"),
        _ => rest.to_owned(),
    };
    Some(format!("changes[{index}].{name}.{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_called_as_the_caller_called_them() {
        let names = ["set_quantity", "substitute", "add_line"];
        for (machine, message) in [
            ("changes[0].line_number", "changes[0].set_quantity.line_number"),
            ("changes[1].line.quantity_scale", "changes[1].substitute.with.quantity_scale"),
            ("changes[2].line.amounts.total", "changes[2].add_line.line.amounts.total"),
        ] {
            assert_eq!(path(machine, &names).as_deref(), Some(message));
        }
        for same in ["changes[0]", "changes[9].line_number", "order_id", "changes[x].y"] {
            assert_eq!(path(same, &names), None, "{same}");
        }
    }
}
