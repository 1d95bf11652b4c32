//! Hands problems to HiGHS, a solver of mixed-integer programs, and compares costs. HiGHS is a Python package; the
//! script that feeds it is `tools/highs.py`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use waybill_sourcing::kernel::Problem;

/// A running script, and what it agreed to.
pub(crate) struct Highs {
    child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
    pub(crate) compared: usize,
    pub(crate) agreed: usize,
    /// Seconds that HiGHS itself took.
    pub(crate) seconds: f64,
}

impl Highs {
    /// Starts `python script`.
    pub(crate) fn start(python: &str, script: &str) -> std::io::Result<Self> {
        let mut child =
            Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.expect("both pipes were asked for");
        Ok(Self { child, input, output: BufReader::new(output), compared: 0, agreed: 0, seconds: 0.0 })
    }

    /// Has a plain problem solved, and compares with `cost`. Prints what differs.
    pub(crate) fn compare(&mut self, problem: &Problem, cost: i64) -> std::io::Result<()> {
        writeln!(self.input, "{}", told(problem))?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::parse::<f64>);
        let (Some(Ok(theirs)), Some(Ok(seconds))) = (words.next(), words.next()) else {
            return Err(std::io::Error::other(format!(
                "the script answered {line:?}, not a cost and seconds"
            )));
        };
        self.compared += 1;
        self.seconds += seconds;
        // HiGHS counts in floating point: a thousandth of a minor unit more or less is the same cost.
        if (theirs - cost as f64).abs() <= 1.0 + 1e-9 * cost as f64 {
            self.agreed += 1;
        } else {
            println!("HiGHS found {theirs}, the kernel {cost}");
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> std::io::Result<()> {
        let Self { mut child, input, .. } = self;
        drop(input);
        child.wait().map(drop)
    }
}

/// `quantities | unfilled costs | fixed:cost,stock;cost,stock ...`
fn told(problem: &Problem) -> String {
    let join = |numbers: Vec<String>| numbers.join(" ");
    let quantities = join(problem.lines().iter().map(|line| line.quantity.to_string()).collect());
    let unfilled = join(problem.lines().iter().map(|line| line.unfilled.to_string()).collect());
    let row = |(place, facility): (usize, &waybill_sourcing::kernel::Facility)| {
        let cell = |item| format!("{},{}", problem.unit_cost(place, item), problem.units_at(place, item));
        let cells: Vec<String> = (0..problem.items().len()).map(cell).collect();
        format!("{}:{}", facility.fixed, cells.join(";"))
    };
    let rows = join(problem.facilities().iter().enumerate().map(row).collect());
    format!("{quantities}|{unfilled}|{rows}")
}
