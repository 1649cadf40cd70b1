#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sarif_results.py PROGRAM ARGUMENT...: its SARIF without the rules, which change with the registry; what names one is held against them."""
import json
import subprocess
import sys


def main() -> int:
    run = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, timeout=50, check=False)
    log = json.loads(run.stdout)
    for one in log["runs"]:
        rules = [rule["id"] for rule in one["tool"]["driver"].pop("rules")]
        for result in one["results"]:
            rule = rules[result.pop("ruleIndex")]
            if result["ruleId"] != rule and not result["ruleId"].startswith(rule + "/"):
                print(f"result of '{result['ruleId']}' points to the rule '{rule}'")
    print(json.dumps(log, indent=1, ensure_ascii=True))
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
