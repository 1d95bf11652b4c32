//! What a run came to, in a table and in the figures of the RESULT line.

use super::alone::Alone;
use super::commands::Kind;
use super::load::{Came, Outcome};
use crate::bench::latency::Latencies;
use crate::demo::grouped;
use std::fmt::Write;

/// Everything that was measured.
pub(super) struct Report {
    pub(super) outcome: Outcome,
    /// The server's processor time for all of the mix, warm-up and the nodes' reports included.
    pub(super) cpu_us: u64,
    /// Fulfilment orders that nodes worked off.
    pub(super) worked: u64,
    /// From sending an order to its first instruction at a node.
    pub(super) instructed: Latencies,
    pub(super) alone: Alone,
}

/// Milliseconds that so many thousandths of the calls did not exceed.
fn ms(came: &Came, per_mille: usize) -> f64 {
    came.latencies.clone().percentile_ms(per_mille)
}

impl Report {
    pub(super) fn print(&self) {
        println!(
            "{:<8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>11}",
            "command", "sent", "applied", "refused", "p50 ms", "p99 ms", "p99.9 ms", "alone, us"
        );
        for kind in Kind::ALL {
            let came = self.outcome.of(kind);
            println!(
                "{:<8}{:>9}{:>9}{:>9}{:>9.2}{:>9.2}{:>9.2}{:>11.0}",
                kind.name(),
                came.sent(),
                came.applied,
                came.sent() - came.applied,
                ms(came, 500),
                ms(came, 990),
                ms(came, 999),
                self.alone.cpu_us[kind as usize]
            );
        }
        for kind in Kind::ALL {
            let refused = self.outcome.of(kind).refused.iter();
            let refused: Vec<String> = refused.map(|(why, count)| format!("{why} {count}")).collect();
            if !refused.is_empty() {
                println!("{} refused: {}", kind.name(), refused.join(", "));
            }
        }
        let mut instructed = self.instructed.clone();
        println!(
            "an order's first instruction is at its node after {:.1} ms (p99 {:.1} ms); orders alone: {:.0} per second",
            instructed.percentile_ms(500),
            instructed.percentile_ms(990),
            self.alone.placed_per_s
        );
        println!(
            "nodes worked off {} fulfilment orders, accept to delivery; at {:.0} us each of the server's processor time \
             if all commands cost what they cost alone",
            grouped(self.worked),
            self.work_us()
        );
    }

    /// Processor time of one fulfilment order's work: what is left when every command is taken at its cost alone.
    fn work_us(&self) -> f64 {
        let commands: f64 =
            self.outcome.all.iter().zip(self.alone.cpu_us).map(|(count, us)| *count as f64 * us).sum();
        (self.cpu_us as f64 - commands) / (self.worked as f64).max(1.0)
    }

    /// The figures that come from the mix.
    pub(super) fn result(&self) -> String {
        let mut line = format!("RESULT commands_per_s={:.0}", self.outcome.per_s());
        for kind in Kind::ALL {
            let (name, came) = (kind.name(), self.outcome.of(kind));
            // Writing to a string cannot fail.
            let _written =
                write!(line, " {name}_p50_ms={:.2} {name}_p99_ms={:.2}", ms(came, 500), ms(came, 990));
        }
        let per = |count: u64| self.cpu_us as f64 / (count as f64).max(1.0);
        let (commands, orders) = (self.outcome.all.iter().sum(), self.outcome.all[Kind::Place as usize]);
        let _written = write!(
            line,
            " server_cpu_us_per_command={:.0} server_cpu_us_per_order={:.0} place_alone_per_s={:.0}",
            per(commands),
            per(orders),
            self.alone.placed_per_s
        );
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_do_not_explain_is_the_nodes_work() {
        let outcome = Outcome { all: [60, 15, 10, 15], ..Outcome::default() };
        let alone = Alone { placed_per_s: 1.0, cpu_us: [400.0, 800.0, 200.0, 400.0] };
        let report = Report { outcome, cpu_us: 144_000, worked: 50, instructed: Latencies::default(), alone };
        assert_eq!(report.work_us().round() as i64, 2_000);
        assert!(report.result().contains(" server_cpu_us_per_command=1440 server_cpu_us_per_order=2400 "));
    }
}
