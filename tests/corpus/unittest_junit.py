"""Run `python -m unittest`'s command line and write its results as JUnit XML, test by test, as pytest does.

    python unittest_junit.py JUNIT.xml [arguments of `python -m unittest`]

Only the standard library and no import of its own folder: it runs inside the environment of another package.
"""

from __future__ import annotations

import sys
import traceback
import unittest
import xml.etree.ElementTree as ET
from types import TracebackType
from typing import TypeAlias

ErrorInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class JUnitResult(unittest.TextTestResult):
    """A text result that also keeps one `testcase` element for each test."""

    suite = ET.Element("testsuite")

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        """Begin the element of `test`."""
        super().startTest(test)
        self._case(test)

    def addError(self, test: unittest.TestCase, err: ErrorInfo) -> None:  # noqa: N802 - unittest's name
        """Note an error, also one of a fixture that belongs to no test."""
        super().addError(test, err)
        text = self.errors[-1][1]
        # The text of unittest's stand-in for a module that cannot be imported ends in the error that kept it out.
        imports = type(test).__name__ == "_FailedTest"
        self._note(test, "error", text.strip().splitlines()[-1] if imports else first_line(err), text)

    def addFailure(self, test: unittest.TestCase, err: ErrorInfo) -> None:  # noqa: N802 - unittest's name
        """Note a failed assertion."""
        super().addFailure(test, err)
        self._note(test, "failure", first_line(err), self.failures[-1][1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802 - unittest's name
        """Note a skipped test."""
        super().addSkip(test, reason)
        self._note(test, "skipped", reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: ErrorInfo) -> None:  # noqa: N802 - unittest's name
        """Note an expected failure as pytest does: skipped."""
        super().addExpectedFailure(test, err)
        self._note(test, "skipped", first_line(err))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        """Note a success where a failure was expected."""
        super().addUnexpectedSuccess(test)
        self._note(test, "failure", "unexpected success")

    def addSubTest(  # noqa: N802 - unittest's name
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: ErrorInfo | None
    ) -> None:
        """Note a failed part of a test at the test."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, "failure", first_line(err), "".join(traceback.format_exception(err[1])))

    def _case(self, test: unittest.TestCase) -> ET.Element:
        """Return the element of `test`, made where there is none yet."""
        owner, _, name = test.id().rpartition(".")
        for case in reversed(self.suite):
            if case.get("classname") == owner and case.get("name") == name:
                return case
        return ET.SubElement(self.suite, "testcase", classname=owner, name=name)

    def _note(self, test: unittest.TestCase, kind: str, message: str, text: str = "") -> None:
        """Add one outcome to the element of `test`."""
        ET.SubElement(self._case(test), kind, message=printable(message)).text = printable(text)


def first_line(err: ErrorInfo) -> str:
    """Return the first line of what Python prints of an exception."""
    return traceback.format_exception_only(err[1])[0].splitlines()[0]


def printable(text: str) -> str:
    """Return `text` without the characters that XML cannot hold."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "?" for sign in text)


def main() -> None:
    """Run the suite, write the file, and exit as unittest does."""
    target, *arguments = sys.argv[1:]
    # As `python -m` does, which the command that this stands in for was.
    sys.path[0] = ""
    runner = unittest.TextTestRunner(resultclass=JUnitResult)  # type: ignore[arg-type]  # its stream type is private
    program = unittest.main(module=None, argv=["python -m unittest", *arguments], testRunner=runner, exit=False)
    ET.ElementTree(JUnitResult.suite).write(target, encoding="utf-8", xml_declaration=True)
    sys.exit(not program.result.wasSuccessful())


if __name__ == "__main__":
    main()
