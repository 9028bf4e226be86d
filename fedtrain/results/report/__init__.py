"""`fedtrain report`: one HTML file that needs nothing else, no network and no JavaScript."""

from fedtrain.results.report.page import default_report, report, write_csv, write_report

__all__ = ["default_report", "report", "write_csv", "write_report"]
