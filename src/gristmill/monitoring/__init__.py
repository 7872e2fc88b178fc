"""Windows of the prediction log judged against what a version was trained on; alerts; repair."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.monitoring._alerts.alerts import Alert, read_alerts
    from gristmill.monitoring._alerts.lifecycle import acknowledge, alerts, resolve_alert, snooze
    from gristmill.monitoring._alerts.notifications import unsent_messages
    from gristmill.monitoring._delivery import Change, Delivery, delivery_metrics, format_duration
    from gristmill.monitoring._drilldown.drilldown import (
        DrillDown,
        drill_down,
        drill_down_path,
        stored_drill_down,
        window_name,
    )
    from gristmill.monitoring._gauges import (
        Sample,
        grafana_dashboard,
        metric_samples,
        prometheus_text,
    )
    from gristmill.monitoring._monitor import MonitorResult, monitor
    from gristmill.monitoring._repair.repair import repair
    from gristmill.monitoring._repairs import Repair, read_repairs
    from gristmill.monitoring._settings import monitoring_settings
    from gristmill.monitoring._statistics.drift import ColumnDrift
    from gristmill.monitoring._statistics.periods import parse_time
    from gristmill.monitoring._windows.report import (
        MonitorReport,
        VersionReport,
        WindowReport,
        estimate_text,
        read_report,
    )
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "Alert",
    "Change",
    "ColumnDrift",
    "Delivery",
    "DrillDown",
    "MonitorReport",
    "MonitorResult",
    "Repair",
    "Sample",
    "VersionReport",
    "WindowReport",
    "acknowledge",
    "alerts",
    "delivery_metrics",
    "drill_down",
    "drill_down_path",
    "estimate_text",
    "format_duration",
    "grafana_dashboard",
    "metric_samples",
    "monitor",
    "monitoring_settings",
    "parse_time",
    "prometheus_text",
    "read_alerts",
    "read_repairs",
    "read_report",
    "repair",
    "resolve_alert",
    "snooze",
    "stored_drill_down",
    "unsent_messages",
    "window_name",
]
