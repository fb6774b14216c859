"""Jobs of JupyterLab's Jobs panel (jupyter-scheduler, the extra ``jobs``), run by nsbill's own runner.

``nsbill lab`` names ``RunnerJobs`` to jupyter-scheduler when that is installed. Nothing else imports this module.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from jupyter_scheduler.executors import DefaultExecutionManager

from nsbill.errors import RunError
from nsbill.runs.folders import NOTEBOOK, REPORT
from nsbill.runs.parameters import inspect_parameters
from nsbill.runs.places import runs_folder
from nsbill.runs.runner import Run, run_notebook

__all__ = ["RunnerJobs"]

_OUTPUTS = {"ipynb": NOTEBOOK, "html": REPORT}
"""jupyter-scheduler's names of output formats, and the file of a run's folder that each is."""


class RunnerJobs(DefaultExecutionManager):  # type: ignore[misc]  # Any, whether jupyter-scheduler is installed or not
    """Runs a job as ``nsbill run`` does: parameters checked, everything kept in ``papermill_runs/``, secrets removed.

    jupyter-scheduler calls it in a process of its own, which inherits the workspace and the credentials of
    ``nsbill lab``. Its list shows the message of what ``execute`` raises beside the failed job.
    """

    def execute(self) -> None:
        """Run the staged notebook and hand over its outputs; they are there for a failed run too.

        Raises
        ------
        RunError
            The run could not start, or failed; says why, and where it is kept.
        """
        job = self.model
        staged = Path(self.staging_paths["input"])
        declared = inspect_parameters(staged)
        workspace = os.environ.get("NSBILL_WORKSPACE")
        own = {"workspace": workspace} if workspace and "workspace" in declared else {}
        run = run_notebook(staged, runs_folder=runs_folder(), parameters={**own, **(job.parameters or {})})
        self._hand_over(run)
        if not run.succeeded:
            problem = (run.problem or "not every cell completed").rstrip(". ")
            raise RunError(staged.stem, problem, f"More: nsbill runs show {run.run_id}.")

    def _hand_over(self, run: Run) -> None:
        """Copy the outputs that the job asks for to where jupyter-scheduler looks; those that the run did not get to write are not."""
        for output_format, path in self.staging_paths.items():
            made = run.folder / _OUTPUTS.get(output_format, "")
            if made.is_file():
                shutil.copyfile(made, path)
