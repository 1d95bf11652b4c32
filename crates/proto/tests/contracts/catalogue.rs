//! A flat view of a descriptor set: services, RPCs, messages and fields with their comments.

use std::collections::BTreeMap;

use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};

// Field numbers in descriptor.proto, of which the paths of source locations are made.
const FILE_MESSAGES: i32 = 4;
const FILE_ENUMS: i32 = 5;
const FILE_SERVICES: i32 = 6;
const MEMBERS: i32 = 2;

/// The project's own files of a descriptor set, and the names of all.
pub(crate) struct Catalogue {
    own: Vec<FileDescriptorProto>,
    all_files: Vec<String>,
}

pub(crate) struct Service {
    pub(crate) full_name: String,
    pub(crate) comment: String,
}

pub(crate) struct Rpc {
    /// Such as `OrdersService.PlaceOrder`.
    pub(crate) name: String,
    pub(crate) comment: String,
    pub(crate) request: String,
    pub(crate) response: String,
    pub(crate) streams_responses: bool,
}

impl Rpc {
    pub(crate) fn verb(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }
}

pub(crate) struct Field {
    pub(crate) descriptor: FieldDescriptorProto,
    pub(crate) comment: String,
}

impl Field {
    pub(crate) fn name(&self) -> &str {
        self.descriptor.name()
    }
}

pub(crate) struct Message {
    /// Such as `PlaceOrderRequest`.
    pub(crate) name: String,
    pub(crate) comment: String,
    pub(crate) fields: Vec<Field>,
}

impl Message {
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name() == name)
    }
}

impl Catalogue {
    pub(crate) fn new(set: FileDescriptorSet) -> Self {
        let all_files = set.file.iter().map(|file| file.name().to_owned()).collect();
        let own = set.file.into_iter().filter(|file| file.package().starts_with("waybill.")).collect();
        Self { own, all_files }
    }

    pub(crate) fn has_file(&self, name: &str) -> bool {
        self.all_files.iter().any(|file| file == name)
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = Service> {
        self.own.iter().flat_map(|file| {
            let comments = comments(file);
            file.service.iter().enumerate().map(move |(at, service)| Service {
                full_name: format!("{}.{}", file.package(), service.name()),
                comment: comment(&comments, &[FILE_SERVICES, at as i32]),
            })
        })
    }

    pub(crate) fn rpcs(&self) -> Vec<Rpc> {
        let mut rpcs = Vec::new();
        for file in &self.own {
            let comments = comments(file);
            for (at, service) in file.service.iter().enumerate() {
                for (method_at, method) in service.method.iter().enumerate() {
                    rpcs.push(Rpc {
                        name: format!("{}.{}", service.name(), method.name()),
                        comment: comment(&comments, &[FILE_SERVICES, at as i32, MEMBERS, method_at as i32]),
                        request: method.input_type().to_owned(),
                        response: method.output_type().to_owned(),
                        streams_responses: method.server_streaming(),
                    });
                }
            }
        }
        rpcs
    }

    /// All messages by full name with a leading dot, as RPCs name them.
    pub(crate) fn messages(&self) -> BTreeMap<String, Message> {
        let mut messages = BTreeMap::new();
        for file in &self.own {
            let comments = comments(file);
            for (at, message) in file.message_type.iter().enumerate() {
                let full_name = format!(".{}.{}", file.package(), message.name());
                messages.insert(full_name, describe(message, &comments, at as i32));
            }
        }
        messages
    }

    /// Names of enums and their values with their comments.
    pub(crate) fn enum_comments(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for file in &self.own {
            let comments = comments(file);
            for (at, kind) in file.enum_type.iter().enumerate() {
                found.push((kind.name().to_owned(), comment(&comments, &[FILE_ENUMS, at as i32])));
                for (value_at, value) in kind.value.iter().enumerate() {
                    let path = [FILE_ENUMS, at as i32, MEMBERS, value_at as i32];
                    found.push((value.name().to_owned(), comment(&comments, &path)));
                }
            }
        }
        found
    }
}

fn describe(message: &DescriptorProto, comments: &BTreeMap<Vec<i32>, String>, at: i32) -> Message {
    let fields = message.field.iter().enumerate().map(|(field_at, field)| Field {
        descriptor: field.clone(),
        comment: comment(comments, &[FILE_MESSAGES, at, MEMBERS, field_at as i32]),
    });
    Message {
        name: message.name().to_owned(),
        comment: comment(comments, &[FILE_MESSAGES, at]),
        fields: fields.collect(),
    }
}

fn comments(file: &FileDescriptorProto) -> BTreeMap<Vec<i32>, String> {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    locations.map(|location| (location.path.clone(), location.leading_comments().trim().to_owned())).collect()
}

fn comment(comments: &BTreeMap<Vec<i32>, String>, path: &[i32]) -> String {
    comments.get(path).cloned().unwrap_or_default()
}
