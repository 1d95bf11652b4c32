//! The protocol of NATS by hand, for what no client of a journal would do: publishing what is no frame, asking servers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub(crate) struct Raw {
    reader: BufReader<TcpStream>,
}

impl Raw {
    pub(crate) fn connect(port: u16, user: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
        let mut raw = Self { reader: BufReader::new(stream) };
        assert!(raw.line().starts_with("INFO"), "a NATS server begins with INFO");
        let hello = format!(
            "CONNECT {{\"verbose\":false,\"headers\":true,\"no_responders\":true,\"user\":\"{user}\",\"pass\":\"{user}\"}}\r\n\
             SUB answers 1\r\nPING\r\n"
        );
        raw.write(hello.as_bytes());
        assert_eq!(raw.line(), "PONG");
        raw
    }

    fn write(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).expect("the server reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("the server answers");
        line.trim_end().to_owned()
    }

    /// Publishes and gives back the answer; empty where nobody answers in time or there is nobody.
    pub(crate) fn ask(&mut self, subject: &str, payload: &str) -> String {
        String::from_utf8(self.publish(subject, payload.as_bytes())).expect("an answer in UTF-8")
    }

    /// As [`Raw::ask`], for bytes.
    pub(crate) fn publish(&mut self, subject: &str, payload: &[u8]) -> Vec<u8> {
        self.write(format!("PUB {subject} answers {}\r\n", payload.len()).as_bytes());
        self.write(payload);
        self.write(b"\r\n");
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).is_err() {
                return Vec::new();
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.first().copied() {
                Some("PING") => self.write(b"PONG\r\n"),
                Some("MSG" | "HMSG") => {
                    let bytes: usize = words.last().and_then(|word| word.parse().ok()).expect("a length");
                    let mut body = vec![0; bytes + 2];
                    self.reader.read_exact(&mut body).expect("a whole message");
                    body.truncate(bytes);
                    return if words[0] == "MSG" { body } else { Vec::new() };
                }
                _ => {}
            }
        }
    }
}
