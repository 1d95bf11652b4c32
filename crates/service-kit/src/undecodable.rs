//! Requests that are no message of their call, or larger than any may be: the transport refuses them before a door sees
//! them, as a fault of the engine. They are the caller's, and are refused like every other malformed request.

use crate::error::DoorError;
use tonic::codegen::http::Response;
use tonic::{Code, Status};

/// How the transport's own refusals begin.
const UNDECODABLE: &str = "failed to decode Protobuf message";
const TOO_LARGE: &str = "Error, decoded message length too large";

/// A response as the doors made it; a refusal of the transport to read a request becomes `INVALID_ARGUMENT`.
pub fn explain_undecodable<B: Default>(response: Response<B>) -> Response<B> {
    let Some(status) = Status::from_header_map(response.headers()) else { return response };
    let what = match status.code() {
        Code::Internal if status.message().starts_with(UNDECODABLE) => "is not a message of this call",
        Code::OutOfRange if status.message().starts_with(TOO_LARGE) => "is larger than a request may be",
        _ => return response,
    };
    Status::from(DoorError::field("request", what)).into_http()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: Status) -> Status {
        let response: Response<()> = explain_undecodable(status.into_http());
        Status::from_header_map(response.headers()).unwrap()
    }

    #[test]
    fn what_cannot_be_read_is_the_callers_fault_and_other_faults_stay_what_they_are() {
        let broken = Status::internal("failed to decode Protobuf message: invalid varint");
        assert_eq!(seen(broken).code(), Code::InvalidArgument);
        let large = Status::out_of_range(
            "Error, decoded message length too large: found 9 bytes, the limit is: 4 bytes",
        );
        assert_eq!(seen(large).code(), Code::InvalidArgument);
        assert_eq!(seen(Status::internal("internal error")).code(), Code::Internal);
        assert_eq!(seen(Status::out_of_range("the resume token is too old")).code(), Code::OutOfRange);
    }
}
