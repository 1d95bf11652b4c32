//! What every RPC, message and field must have. Each check lists what breaks it, in words.

use prost_types::field_descriptor_proto::{Label, Type};

use crate::catalogue::{Catalogue, Field, Message, Rpc};

/// Verbs that only read.
const READ_VERBS: [&str; 6] = ["Get", "BatchGet", "List", "Find", "Watch", "Subscribe"];

/// Reads whose verb does not say so.
const OTHER_READS: [(&str, &str); 11] = [
    ("AmendmentsService.PreviewAmendment", "answers what an amendment would come to and changes nothing"),
    ("OrderPolicyService.ExplainChange", "answers which rule decides and changes nothing"),
    ("PartitionService.OpenSealed", "shows what was sealed and changes nothing"),
    ("SourcingService.CheckSourcingPolicy", "answers what is wrong with a policy and puts none in force"),
    ("SourcingService.VerifySourcingDecisions", "counts kept decisions again and changes nothing"),
    ("SourcingService.CompareSourcingPolicy", "plans past orders under another policy and changes nothing"),
    ("SourcingService.ProjectSourcingDecisions", "solves past orders with more means and changes nothing"),
    ("FulfillmentService.Promise", "answers what could be promised and changes nothing"),
    ("PromiseService.PromiseItem", "answers what could be promised of one item and changes nothing"),
    ("FulfillmentService.Plan", "answers a plan and changes nothing"),
    ("AdminService.Audit", "checks the laws on a durable cut and changes nothing"),
];

/// Writes that need no request id.
const NUMBERED_WRITES: [(&str, &str); 3] = [
    ("PartitionService.Deliver", "numbers per pair of partitions make it safe to repeat"),
    ("OwnershipService.SubmitCommand", "the caller's request id travels inside the command"),
    ("OwnershipService.NudgeOwner", "says nothing that looking does not say better"),
];

/// Writes after which there is nothing to read by token.
const TOKENLESS_WRITES: [(&str, &str); 8] = [
    ("AdminService.Checkpoint", "changes no resource"),
    ("AdminService.Backup", "changes no resource"),
    ("AdminService.AdvanceClock", "answers when all that became due is durable"),
    ("PartitionService.Deliver", "its callers are partitions, which hear outcomes as messages"),
    ("OwnershipService.SubmitCommand", "the token travels inside the outcome"),
    ("OwnershipService.NudgeOwner", "changes nothing"),
    ("ClusterService.MovePartition", "changes no resource"),
    ("ClusterService.DrainProcess", "changes no resource"),
];

/// Unary reads that cannot wait for a write.
const TOKENLESS_READS: [(&str, &str); 5] = [
    ("AdminService.GetStatus", "tells about the process, not about resources"),
    ("PartitionService.OpenSealed", "what was sealed never changes; it can only be erased"),
    (
        "SourcingService.GetSourcingDecision",
        "a kept decision never changes, and no write returns a token of it",
    ),
    ("OwnershipService.GetPosition", "it is what others wait for"),
    ("ClusterService.GetCluster", "tells about processes, not about resources"),
];

/// Streams that end by themselves and are run again as a whole.
const FINITE_STREAMS: [(&str, &str); 5] = [
    ("AdminService.Audit", "a new audit looks at a new cut"),
    ("AdminService.Backup", "a broken backup is no backup; it is taken again"),
    ("SourcingService.VerifySourcingDecisions", "a check that broke off is made again"),
    ("SourcingService.CompareSourcingPolicy", "a comparison that broke off is made again"),
    ("SourcingService.ProjectSourcingDecisions", "a look that broke off is taken again"),
];

/// All exceptions with their reasons.
pub(crate) fn exceptions() -> Vec<(&'static str, &'static str)> {
    let lists: [&[(&str, &str)]; 6] = [
        &OTHER_READS,
        &NUMBERED_WRITES,
        &TOKENLESS_WRITES,
        &TOKENLESS_READS,
        &FINITE_STREAMS,
        &FINDS_OF_A_FEW,
    ];
    lists.concat()
}

pub(crate) fn without_comment(catalogue: &Catalogue) -> Vec<String> {
    let mut named: Vec<(String, String)> = catalogue.enum_comments();
    named.extend(catalogue.services().map(|service| (service.full_name, service.comment)));
    named.extend(catalogue.rpcs().into_iter().map(|rpc| (rpc.name, rpc.comment)));
    for message in catalogue.messages().into_values() {
        let fields = message.fields.iter();
        named.extend(
            fields.map(|field| (format!("{}.{}", message.name, field.name()), field.comment.clone())),
        );
        named.push((message.name, message.comment));
    }
    named.retain(|(_, comment)| comment.is_empty());
    named.into_iter().map(|(name, _)| format!("{name} has no comment")).collect()
}

pub(crate) fn writes_without_identity(catalogue: &Catalogue) -> Vec<String> {
    let mut faults = Faults::new(catalogue);
    for rpc in catalogue.rpcs().iter().filter(|rpc| !is_read(rpc) && !listed(&NUMBERED_WRITES, rpc)) {
        faults.need(rpc, &rpc.request, "request_id");
        faults.need(rpc, &rpc.request, "reason");
    }
    faults.found
}

pub(crate) fn broken_read_your_writes(catalogue: &Catalogue) -> Vec<String> {
    let mut faults = Faults::new(catalogue);
    for rpc in &catalogue.rpcs() {
        if !is_read(rpc) && !listed(&TOKENLESS_WRITES, rpc) {
            faults.need(rpc, &rpc.response, "token");
        }
        if is_read(rpc) && !rpc.streams_responses && !listed(&TOKENLESS_READS, rpc) {
            faults.need(rpc, &rpc.request, "after");
        }
    }
    faults.found
}

/// Calls that find few by their nature, and no more than are stated.
const FINDS_OF_A_FEW: [(&str, &str); 2] = [
    ("CustomersService.FindCustomers", "the holders of one identity"),
    ("PromiseService.FindNearby", "the nearest of all nodes, as many as were asked for"),
];

pub(crate) fn lists_without_pages(catalogue: &Catalogue) -> Vec<String> {
    let mut faults = Faults::new(catalogue);
    let messages = catalogue.messages();
    for rpc in &catalogue.rpcs() {
        let asks_for_pages =
            messages.get(&rpc.request).is_some_and(|message| message.field("page_size").is_some());
        let finds = rpc.verb().starts_with("Find") && !listed(&FINDS_OF_A_FEW, rpc);
        if asks_for_pages || rpc.verb().starts_with("List") || finds {
            faults.need(rpc, &rpc.request, "page_size");
            faults.need(rpc, &rpc.request, "page_token");
            faults.need(rpc, &rpc.response, "next_page_token");
        }
    }
    faults.found
}

pub(crate) fn streams_that_cannot_resume(catalogue: &Catalogue) -> Vec<String> {
    let mut faults = Faults::new(catalogue);
    for rpc in catalogue.rpcs().iter().filter(|rpc| rpc.streams_responses && !listed(&FINITE_STREAMS, rpc)) {
        faults.need(rpc, &rpc.request, "resume_token");
        faults.need(rpc, &rpc.response, "resume_token");
    }
    faults.found
}

pub(crate) fn unclear_units(catalogue: &Catalogue) -> Vec<String> {
    let mut found = Vec::new();
    for message in catalogue.messages().into_values() {
        for field in &message.fields {
            found.extend(unit_faults(&message, field));
        }
    }
    found
}

fn unit_faults(message: &Message, field: &Field) -> Vec<String> {
    let name = format!("{}.{}", message.name, field.name());
    let mut found = Vec::new();
    // A change is a message of its own, whatever it changes.
    if field.descriptor.type_name().ends_with("Change") {
        return found;
    }
    if matches!(field.descriptor.r#type(), Type::Float | Type::Double) {
        found.push(format!("{name} is a floating-point number"));
    }
    let units = [("_ms", "milliseconds"), ("_g", "grams"), ("_mm", "millimetres"), ("_m", "metres")];
    if let Some((_, word)) = units.iter().find(|(suffix, _)| field.name().ends_with(suffix)) {
        if field.descriptor.r#type() != Type::Int64 {
            found.push(format!("{name} is not an int64"));
        }
        if !field.comment.contains(word) {
            found.push(format!("{name} does not say {word:?} in its comment"));
        }
    }
    let is_timestamp = field.descriptor.type_name() == ".google.protobuf.Timestamp";
    if field.name().ends_with("_time") && !is_timestamp {
        found.push(format!("{name} is not a google.protobuf.Timestamp"));
    }
    let is_quantity = field.name() == "quantity" || field.name().ends_with("_quantity");
    if is_quantity && field.descriptor.r#type() != Type::Int64 {
        found.push(format!("{name} is a quantity and not an int64"));
    }
    let is_token =
        matches!(field.name(), "token" | "after" | "resume_token" | "page_token" | "request_id" | "reason");
    let is_enum = field.descriptor.r#type() == Type::Enum;
    if is_token && !is_enum && !is_single_string(field) {
        found.push(format!("{name} is not a string"));
    }
    found
}

fn is_single_string(field: &Field) -> bool {
    field.descriptor.r#type() == Type::String && field.descriptor.label() != Label::Repeated
}

fn is_read(rpc: &Rpc) -> bool {
    READ_VERBS.iter().any(|verb| rpc.verb().starts_with(verb)) || listed(&OTHER_READS, rpc)
}

fn listed(exceptions: &[(&str, &str)], rpc: &Rpc) -> bool {
    exceptions.iter().any(|(name, _)| *name == rpc.name)
}

struct Faults {
    messages: std::collections::BTreeMap<String, Message>,
    found: Vec<String>,
}

impl Faults {
    fn new(catalogue: &Catalogue) -> Self {
        Self { messages: catalogue.messages(), found: Vec::new() }
    }

    fn need(&mut self, rpc: &Rpc, message: &str, field: &str) {
        let short_name = message.rsplit('.').next().unwrap_or(message);
        match self.messages.get(message) {
            Some(known) if known.field(field).is_some() => {}
            Some(_) => self.found.push(format!("{}: {short_name} has no {field}", rpc.verb())),
            None => self.found.push(format!("{}: {short_name} is not among the messages", rpc.verb())),
        }
    }
}
