//! Checked value types every floor shares: identifiers, quantities, money, time, and the messages machines exchange.
