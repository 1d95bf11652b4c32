//! Calls any method with any bytes, as a client would that keeps to no contract.

use bytes::{Buf, BufMut, Bytes};
use futures::stream;
use std::str::FromStr;
use std::time::Duration;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A status other than OK.
    Refused(Status),
    /// A message.
    Answered(Bytes),
    /// The stream is open, or ended well, without a message.
    Silent,
    /// Neither a message nor a status in time.
    Hangs,
}

/// How long a call may take, and how long an open stream is listened to.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Sends one message to `path` and takes the first message or the refusal. A stream that stays silent for `listen` is
/// taken to be open.
pub(crate) async fn call(
    channel: &Channel,
    path: &str,
    role: &'static str,
    message: Bytes,
    listen: Option<Duration>,
) -> Outcome {
    let calling = async {
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut request = Request::new(stream::iter([message]));
        request.metadata_mut().insert("waybill-role", MetadataValue::from_static(role));
        request.metadata_mut().insert("waybill-channel", MetadataValue::from_static("web"));
        let path = PathAndQuery::from_str(path).map_err(|error| Status::unavailable(error.to_string()))?;
        let opened = grpc.streaming(request, path, RawCodec);
        let mut answers = match listen {
            // A server may hold the headers of a stream back until it has something to say.
            Some(listen) => match tokio::time::timeout(listen, opened).await {
                Ok(answers) => answers?.into_inner(),
                Err(_) => return Ok(None),
            },
            None => opened.await?.into_inner(),
        };
        match listen {
            Some(listen) => tokio::time::timeout(listen, answers.message()).await.unwrap_or(Ok(None)),
            None => answers.message().await,
        }
    };
    match tokio::time::timeout(ANSWER_MAX, calling).await {
        Ok(Ok(Some(answer))) => Outcome::Answered(answer),
        Ok(Ok(None)) => Outcome::Silent,
        Ok(Err(status)) => Outcome::Refused(status),
        Err(_) => Outcome::Hangs,
    }
}

/// Bytes as they are.
#[derive(Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        *self
    }
    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
