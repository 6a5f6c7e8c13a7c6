"""The arithmetic between rounds and table, with figures that can be checked by hand."""

import unittest

import report


def row(number, variant, envoy_us, p50):
    return {"round": number, "variant": variant, "workload": "w", "envoy_us": envoy_us, "latency": {"p50": p50}}


class Ratios(unittest.TestCase):
    def test_a_round_that_is_slow_for_all_does_not_move_the_ratio(self):
        rows = [
            row(0, "alone", 10.0, 5.0), row(0, "tollkeeper", 18.0, 7.0),
            row(1, "alone", 100.0, 50.0), row(1, "tollkeeper", 180.0, 70.0),
            row(2, "alone", 10.0, 5.0), row(2, "tollkeeper", 20.0, 9.0),
        ]
        found = report.of_workload(rows, "w", ["alone", "tollkeeper"])
        self.assertEqual(found["tollkeeper"]["ratio"], {"median": 1.8, "least": 1.8, "most": 2.0})
        self.assertEqual(found["tollkeeper"]["envoy_us"], 20.0)
        self.assertEqual(found["tollkeeper"]["latency"], {"p50": 9.0})
        self.assertEqual(found["alone"]["ratio"]["median"], 1.0)

    def test_without_envoy_alone_there_is_no_ratio(self):
        found = report.of_workload([row(0, "empty", 10.0, 5.0)], "w", ["empty"])
        self.assertNotIn("ratio", found["empty"])


class Memory(unittest.TestCase):
    def test_what_a_module_adds_is_split_into_once_and_per_worker(self):
        # Alone 50 and 52 MB; the module adds 8 MB once and 3 MB a worker.
        resident = {("alone", 1): 50, ("alone", 2): 52, ("tollkeeper", 1): 61, ("tollkeeper", 2): 66}
        rows = [
            {"variant": variant, "workers": workers, "used": {"rss": count, "anonymous": count}}
            for (variant, workers), count in resident.items()
        ]
        found = report.of_memory(rows)["tollkeeper"]["rss"]
        self.assertEqual((found["added_once"], found["added_per_worker"]), (8, 3))


if __name__ == "__main__":
    unittest.main()
