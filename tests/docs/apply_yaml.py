"""Applies the YAML in the documents to the CRDs, and checks that planted mistakes are refused."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMESPACE = "tidemill-documents"
KUBECTL_SECONDS = 60
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)

# Refused for sure: if one of these passes, the test itself sees nothing.
PLANTED = {
    ("a field that does not exist", 'unknown field "spec.unheardOf"'): """
apiVersion: tidemill.dev/v1alpha1
kind: Trigger
metadata: {name: planted}
spec: {pipelineRef: {name: x}, schedule: {cron: "* * * * *"}, unheardOf: {}}
""",
    ("a step without an image", "spec.steps[0].image: Required value"): """
apiVersion: tidemill.dev/v1alpha1
kind: Pipeline
metadata: {name: planted}
spec: {steps: [{name: a}]}
""",
}


def kubectl(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["kubectl", *arguments], input=text, capture_output=True, text=True,
        timeout=KUBECTL_SECONDS, check=False,
    )


def dry_run(verb: str, text: str) -> subprocess.CompletedProcess[str]:
    return kubectl(
        "-n", NAMESPACE, verb, "--dry-run=server", "--validate=strict", "-f", "-", text=text
    )


def documents() -> list[tuple[str, str]]:
    """(where, YAML) of every block that holds whole objects."""
    found = []
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")),
             *sorted((ROOT / "examples").rglob("*.md")), *sorted((ROOT / "bench").glob("*.md"))]
    for path in files:
        for number, block in enumerate(BLOCK.findall(path.read_text()), 1):
            if re.search(r"^apiVersion:", block, re.MULTILINE):
                found.append((f"{path.relative_to(ROOT)}, block {number}", block))
    return found


def examples() -> list[tuple[str, str]]:
    files = [path for path in sorted((ROOT / "examples").rglob("*.yaml"))
             if path.name != "kustomization.yaml"]
    return [(str(path.relative_to(ROOT)), path.read_text()) for path in files]


class Report:
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def add(self, name: str, good: bool, detail: str) -> None:
        print(f"{'ok' if good else 'FAILED':6} {name}")
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("    | " + detail.strip().replace("\n", "\n    | "))


def main() -> int:
    report = Report()
    crds = kubectl("apply", "--server-side", "--force-conflicts", "-k", "crds")
    report.add("the CRDs are accepted", crds.returncode == 0, crds.stderr)
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    kubectl("create", "namespace", NAMESPACE)
    try:
        for where, text in documents() + examples():
            # generateName needs create; --dry-run=server checks the same for both
            result = dry_run("create", text)
            report.add(f"{where} is accepted", result.returncode == 0, result.stderr)
        for (name, said), text in PLANTED.items():
            result = dry_run("create", text)
            refused = result.returncode != 0 and said in result.stderr
            report.add(f"{name} is refused", refused, result.stderr or "it was accepted")
        for name in ("manifests/install", "manifests/ha"):
            install = kubectl("apply", "--dry-run=server", "-k", name)
            missing_namespace = 'namespaces "tidemill-system" not found' in install.stderr
            report.add(f"{name} is accepted", install.returncode == 0 or missing_namespace,
                       install.stderr)
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed or len(documents()) == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
