//! Customers: a sound request for each call, and what must be refused although it is sound in form.

use super::rows::Row;
use serde_json::{Value, json};
use tonic::Code::{self, *};

/// What the world links before anything is asked: the first e-mail addresses make C-1 to C-5, the phones are added.
pub(crate) fn links() -> Vec<Value> {
    let email = |name: &str| json!({"requestId": name, "identity": identity("EMAIL", &format!("{name}@example.org"))});
    let phone = |customer: &str, number: &str| json!({"requestId": number, "customerId": customer, "identity": identity("PHONE", number)});
    let mut links: Vec<Value> = ["one", "two", "three", "four", "five"].map(email).into();
    links.extend([phone("C-1", "+49305550301"), phone("C-4", "+49305550304")]);
    links
}

fn identity(kind: &str, value: &str) -> Value {
    json!({"kind": format!("IDENTITY_KIND_{kind}"), "value": value})
}

const SERVICE: &str = "customers.v1.CustomersService";

/// Full names without `waybill.`, with their requests.
pub(crate) fn sound() -> Vec<(&'static str, Value)> {
    let of = |customer: &str, more: Value| {
        let mut request = json!({"requestId": "sound", "reason": "why", "customerId": customer});
        if let (Value::Object(request), Value::Object(more)) = (&mut request, more) {
            request.extend(more);
        }
        request
    };
    let contact = json!({"kind": "CONTACT_KIND_VISIT", "nodeId": "node-0", "skus": ["SKU-000"], "note": "blue", "consent": true,
        "retentionDays": 30});
    let feedback = json!({"kind": "FEEDBACK_KIND_RATING", "rating": 5, "code": "fast", "sku": "SKU-000", "nodeId": "node-0",
        "carrier": "post", "aboutChannel": "web", "text": "good"});
    let profile =
        json!({"name": "Ada", "tier": "gold", "preferences": {"size": "M"}, "consents": ["newsletter"]});
    vec![
        (
            "customers.v1.CustomersService.FindCustomers",
            json!({"identity": identity("PHONE", "+49305550301")}),
        ),
        ("customers.v1.CustomersService.GetCustomerView", json!({"customerId": "C-1"})),
        ("customers.v1.CustomersService.ListCustomerOrders", json!({"customerId": "C-1", "pageSize": 5})),
        (
            "customers.v1.CustomersService.LinkIdentity",
            of("C-1", json!({"identity": identity("MEMBER_CARD", "AB 12")})),
        ),
        (
            "customers.v1.CustomersService.UnlinkIdentity",
            of("C-1", json!({"identity": identity("PHONE", "+49305550301")})),
        ),
        (
            "customers.v1.CustomersService.MergeCustomers",
            json!({"requestId": "sound", "intoCustomerId": "C-2", "fromCustomerId": "C-3"}),
        ),
        (
            "customers.v1.CustomersService.SplitCustomer",
            of("C-4", json!({"identities": [identity("PHONE", "+49305550304")]})),
        ),
        ("customers.v1.CustomersService.SetCustomerProfile", of("C-1", json!({"profile": profile}))),
        ("customers.v1.CustomersService.RecordContact", of("C-1", json!({"contact": contact}))),
        ("customers.v1.CustomersService.RecordFeedback", of("C-1", json!({"feedback": feedback}))),
        ("customers.v1.CustomersService.EraseCustomer", of("C-5", json!({}))),
    ]
}

type Refused = (&'static str, &'static str, &'static [(&'static str, &'static str)], Code, &'static str);

/// Call, what is wrong, changes as JSON text, code, reason or field.
const ROWS: [Refused; 18] = [
    ("FindCustomers", "no identity", &[("/identity", "null")], InvalidArgument, "identity"),
    (
        "FindCustomers",
        "a phone that is none",
        &[("/identity/value", "\"ring\"")],
        InvalidArgument,
        "identity.value",
    ),
    ("GetCustomerView", "unknown", &[("/customerId", "\"C-999\"")], NotFound, "CUSTOMER_UNKNOWN"),
    ("GetCustomerView", "nobody", &[("/customerId", "null")], InvalidArgument, "customer_id"),
    ("GetCustomerView", "a token of nobody", &[("/after", "\"zz\"")], InvalidArgument, "after"),
    ("ListCustomerOrders", "an invented page", &[("/pageToken", "\"00ff\"")], InvalidArgument, "page_token"),
    ("ListCustomerOrders", "a huge page", &[("/pageSize", "201")], InvalidArgument, "page_size"),
    (
        "LinkIdentity",
        "somebody else's",
        &[("/identity/kind", "4"), ("/identity/value", "\"two@example.org\"")],
        AlreadyExists,
        "IDENTITY_TAKEN",
    ),
    ("LinkIdentity", "stale", &[("/expectedRevision", "77")], Aborted, "STALE_REVISION"),
    (
        "UnlinkIdentity",
        "not theirs",
        &[("/customerId", "\"C-2\"")],
        FailedPrecondition,
        "IDENTITY_NOT_THEIRS",
    ),
    (
        "MergeCustomers",
        "with itself",
        &[("/fromCustomerId", "\"C-2\"")],
        FailedPrecondition,
        "MERGE_WITH_ITSELF",
    ),
    ("MergeCustomers", "stale", &[("/fromExpectedRevision", "77")], Aborted, "STALE_REVISION"),
    ("SplitCustomer", "nothing", &[("/identities", "[]")], InvalidArgument, "identities"),
    ("SetCustomerProfile", "no profile", &[("/profile", "null")], InvalidArgument, "profile"),
    ("RecordContact", "no consent", &[("/contact/consent", "false")], FailedPrecondition, "CONSENT_MISSING"),
    (
        "RecordContact",
        "kept for ever",
        &[("/contact/retentionDays", "3651")],
        InvalidArgument,
        "retention_days",
    ),
    ("RecordFeedback", "six stars", &[("/feedback/rating", "6")], InvalidArgument, "rating"),
    ("EraseCustomer", "unknown", &[("/customerId", "\"C-999\"")], NotFound, "CUSTOMER_UNKNOWN"),
];

pub(crate) fn rows() -> Vec<Row> {
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let row = |(call, what, changes, code, names): &Refused| {
        let method = format!("{SERVICE}.{call}");
        let method = sound().into_iter().map(|(name, _)| name).find(|name| *name == method);
        let changes = changes.iter().map(|(at, text)| (*at, value(text))).collect();
        let method = method.unwrap_or_else(|| panic!("{call} has no sound request"));
        Row { method, what, changes, code: *code, names }
    };
    ROWS.iter().map(row).collect()
}
