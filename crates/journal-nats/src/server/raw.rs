//! The protocol of NATS by hand, for what no client of a journal would do: publishing what is no frame, asking servers.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A connection that waits for each answer.
pub struct Raw {
    reader: BufReader<TcpStream>,
}

impl Raw {
    /// Connects to a server on loopback as a user whose password is its name.
    ///
    /// # Errors
    /// Nobody listens, or it does not let the user in.
    pub fn connect(port: u16, user: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        let mut raw = Self { reader: BufReader::new(stream) };
        raw.expect("INFO")?;
        let hello = format!(
            "CONNECT {{\"verbose\":false,\"headers\":true,\"no_responders\":true,\"user\":\"{user}\",\"pass\":\"{user}\"}}\r\n\
             SUB answers 1\r\nPING\r\n"
        );
        raw.write(hello.as_bytes())?;
        raw.expect("PONG")?;
        Ok(raw)
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        let line = self.line()?;
        if line.starts_with(word) {
            return Ok(());
        }
        Err(Error::other(format!("the server said {line:?} and not {word}")))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Publishes and gives back the answer; empty where nobody answers in time or there is nobody.
    ///
    /// # Errors
    /// The connection broke, or the answer is no text.
    pub fn ask(&mut self, subject: &str, payload: &str) -> Result<String> {
        let answer = self.publish(subject, payload.as_bytes())?;
        String::from_utf8(answer).map_err(|_| Error::other("an answer that is no UTF-8"))
    }

    /// As [`Self::ask`], for bytes.
    ///
    /// # Errors
    /// The connection broke.
    pub fn publish(&mut self, subject: &str, payload: &[u8]) -> Result<Vec<u8>> {
        self.write(format!("PUB {subject} answers {}\r\n", payload.len()).as_bytes())?;
        self.write(payload)?;
        self.write(b"\r\n")?;
        Ok(self.answer()?.unwrap_or_default())
    }

    /// How many answer a question that goes to all; stops at `most`.
    ///
    /// # Errors
    /// The connection broke.
    pub fn count(&mut self, subject: &str, most: usize) -> Result<usize> {
        self.reader.get_ref().set_read_timeout(Some(Duration::from_millis(500)))?;
        self.write(format!("PUB {subject} answers 0\r\n\r\n").as_bytes())?;
        let mut found = 0;
        while found < most && self.answer()?.is_some_and(|answer| !answer.is_empty()) {
            found += 1;
        }
        Ok(found)
    }

    /// The next message; none where there is none in time, empty where nobody listens to what was asked.
    fn answer(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let line = match self.line() {
                Ok(line) => line,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.first().copied() {
                Some("PING") => self.write(b"PONG\r\n")?,
                Some(kind @ ("MSG" | "HMSG")) => {
                    let bytes = words.last().and_then(|word| word.parse::<usize>().ok());
                    let bytes = bytes.ok_or_else(|| Error::other(format!("{line:?} has no length")))?;
                    let mut body = vec![0; bytes + 2];
                    self.reader.read_exact(&mut body)?;
                    body.truncate(bytes);
                    return Ok(Some(if kind == "MSG" { body } else { Vec::new() }));
                }
                _ => {}
            }
        }
    }
}
