"""Deploys template.yaml into an emulator of AWS and runs the tasks of users and operators there.

    check.py SCRATCH

builds the functions in the folder SCRATCH and writes the logs there.
"""

import os
import sys
import tempfile
from pathlib import Path

import attributes
import key_ring
import main_job
import old_service
import policies
import wiring
from deployment import build, deploy
from emulator import running_emulator
from gateway import Gateway, import_document
from processes import exit_on_signals
from report import Report


def main(scratch):
    exit_on_signals()
    # The build tools of the SAM CLI are installed in this Python environment.
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    scratch = Path(scratch).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    print(f"Building the functions; the logs are in {scratch}", flush=True)
    report = Report()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # The SAM CLI does not remove its temporary folders.
        os.environ["TMPDIR"] = folder
        template = build(scratch / "build", scratch / "build.log")
        with running_emulator(Path(folder), scratch / "emulator.log") as endpoint:
            Check(endpoint, template, Path(folder), scratch, report).run()
    return report.close()


class Check:
    def __init__(self, endpoint, template, folder, scratch, report):
        self.endpoint = endpoint
        self.template = template
        self.folder = folder
        self.scratch = scratch
        self.report = report

    def run(self):
        stack = self.deploy("CREATE_COMPLETE")
        routes, authorizers = import_document(stack)
        gateway = Gateway.of(stack)
        self.main_job(stack, gateway, routes, authorizers)
        administrator = policies.make_administrator(stack)
        parameters = {}
        with self.report.part("The policies"):
            dave = main_job.User(gateway, "dave").sign_up_and_log_in()
            attributes.of_updates_are_allowed(stack, dave, self.report)
            policies.are_what_functions_need(stack, administrator, self.report)
        with self.report.part("A stack update: keys of a Flask service"):
            old_service.tokens_are_refused(gateway, self.report)
            parameters["FlaskKeysSecretArn"] = old_service.make_keys_secret(stack)
            stack = self.deploy("UPDATE_COMPLETE", **parameters)
            old_service.move_user(stack, self.folder)
            old_service.tokens_are_accepted(gateway, self.report)
            policies.are_what_functions_need(stack, administrator, self.report)
        with self.report.part("A stack update: a KMS key of the operator"):
            frank = main_job.User(gateway, "frank").sign_up_and_log_in()
            parameters["KmsKeyArn"] = key_ring.make_kms_key(stack)
            stack = self.deploy("UPDATE_COMPLETE", **parameters)
            key_ring.another_kms_key(key_ring.Admin(stack.aws), frank, self.report)
            policies.are_what_functions_need(stack, administrator, self.report)

    def deploy(self, status, **parameters):
        stack = deploy(self.endpoint, self.template, self.scratch / "deploy.log", **parameters)
        self.report.equal(f"sam deploy: {status}", stack.description["StackStatus"], status)
        return stack

    def main_job(self, stack, gateway, routes, authorizers):
        report = self.report
        admin = key_ring.Admin(stack.aws)
        user, other = main_job.User(gateway, "alice"), main_job.User(gateway, "carol")
        with report.part("Who may call the functions"):
            wiring.is_complete(stack, routes, authorizers, report)
        with report.part("Before the first login"):
            main_job.before_the_first_login(gateway, report)
            key_ring.without_a_ring(admin, report)
        with report.part("The main job"):
            main_job.signing_up_and_logging_in(user, report)
            main_job.the_guard(user, report)
            main_job.behind_the_authorizer(user, other.sign_up_and_log_in(), report)
            main_job.the_account(user, report)
            main_job.refreshing(user, report)
            main_job.a_new_password(user, report)
        with report.part("The signing keys"):
            previous = key_ring.rotating(admin, user, report)
            old = key_ring.after_rotations(stack, user, report)
            key_ring.retiring(admin, user, previous, old, report)
            key_ring.the_daily_schedule(stack, admin, report)
        with report.part("Logout and deletion of the account"):
            main_job.logging_out_and_deleting(user, report)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
