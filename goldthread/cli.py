"""The command `goldthread`."""

from __future__ import annotations

import click

from goldthread.commands import (
    chain,
    compliance,
    cover,
    design,
    device,
    exposure,
    firmware,
    fsma,
    ids,
    licence,
    meter,
    minerals,
    policy,
    proof,
    quotes,
    recall,
    record,
    report,
    segment,
    trace,
    watch,
)
from goldthread.commands.output import Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="goldthread", message="%(version)s")
def main() -> None:
    """The golden thread of a manufactured thing: ids, quotes, signed readings, proofs, histories, audits.

    Results go to standard output, progress and errors to standard error. Exit codes: 0 all is well, 1
    something wrong was found (a difference, a bad signature, an incomplete history), 2 the command could not
    do its work.
    """


main.add_command(ids.identify)
main.add_command(quotes.quote)
main.add_command(cover.cover)
main.add_command(segment.segment)
main.add_command(policy.policy)
main.add_command(report.report)
main.add_command(watch.watch)
main.add_command(proof.proof)
main.add_command(device.device)
main.add_command(firmware.firmware)
main.add_command(design.design)
main.add_command(licence.licence)
licence.licence.add_command(meter.meter)
main.add_command(chain.history)
main.add_command(trace.trace)
main.add_command(recall.recall)
main.add_command(exposure.exposure)
main.add_command(record.record)
main.add_command(compliance.compliance)
main.add_command(minerals.minerals)
main.add_command(fsma.fsma)
main.add_command(chain.audit)

if __name__ == "__main__":
    main()
