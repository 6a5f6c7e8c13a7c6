"""What the README lists is what there is: every stat of the filter and of the server, and a tag for every label."""

import re

import yaml
from harness import paths

STATS = (paths.ROOT / "README.md").read_text().split("\n## Stats\n", 1)[1].split("\n## ", 1)[0]
OF_FILTER, OF_SERVER = STATS.split("\n**The server", 1)


def listed(text: str) -> dict[str, set[str]]:
    """The stats that a table has, with their labels."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `tollkeeper_")]
    return {
        name: set(labels.split(",")) if labels else set()
        for row in rows
        for name, labels in re.findall(r"`(tollkeeper_\w+)(?:\{([\w,]+)\})?`", row)
    }


def test_each_stat_of_the_filter_is_listed_and_no_other() -> None:
    files = (paths.ROOT / "filter" / "src").rglob("*.rs")
    code = [file.read_text() for file in files if "tests" not in (file.stem, file.parent.name)]
    counted = set(re.findall(r"\btollkeeper_\w+_(?:total|ms|us)\b", "\n".join(code)))
    assert len(counted) > 30, counted
    assert counted == set(listed(OF_FILTER))


def test_each_metric_of_the_server_is_listed_and_no_other() -> None:
    code = (paths.ROOT / "quota-server" / "src" / "metrics.rs").read_text().split("#[cfg(test)]")[0]
    counted = {f"tollkeeper_server_{name}" for name in re.findall(r'"(\w+_(?:total|seconds))"', code)}
    assert len(counted) > 10, counted
    assert counted == set(listed(OF_SERVER))


def test_each_label_of_the_filters_stats_has_a_tag_in_envoy_yaml() -> None:
    config = yaml.safe_load((paths.ROOT / "envoy" / "envoy.yaml").read_text())
    tags = {tag["tag_name"] for tag in config["stats_config"]["stats_tags"]}
    labels = set().union(*listed(OF_FILTER).values())
    assert len(labels) > 5 and labels <= tags, labels - tags
