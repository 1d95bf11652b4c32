"""The example of docs/examples against an engine that knows nothing of the demonstration's retailer."""

import pathlib
import subprocess
import sys
import unittest

import engine as kit

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "examples" / "place_order.py"


class Example(unittest.TestCase):
    def setUp(self):
        self.engine = kit.Engine()
        self.addCleanup(self.engine.close)

    def run_example(self):
        command = [sys.executable, str(EXAMPLE), self.engine.address.split(",")[0]]
        return subprocess.run(command, capture_output=True, text=True, timeout=kit.PATIENCE)

    def test_an_empty_engine_is_told_from_one_that_can_serve(self):
        done = self.run_example()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("import items", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_the_order_is_for_an_item_and_a_node_that_are_there(self):
        kit.open_retailer(self.engine)
        done = self.run_example()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ORDER_STATUS_RELEASED", done.stdout)


if __name__ == "__main__":
    unittest.main()
