/** Alerts by the hour, stacked by severity. The table beside it has the same numbers. */
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { HourLine } from "./api";
import { SEVERITIES, stacked } from "./shift";

interface ChartProps {
  hours: readonly HourLine[];
  zone: string;
  label: string;
}

const HEIGHT = 220;

export function HoursChart({ hours, zone, label }: ChartProps) {
  const { t, i18n } = useTranslation();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    let plot = draw(element, hours, zone, i18n.language, (severity) => t(`severity.${severity}`));
    const resized = new ResizeObserver(() => {
      plot.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resized.observe(element);
    // A canvas has colours of its own: another theme is another drawing.
    const painted = new MutationObserver(() => {
      plot.destroy();
      plot = draw(element, hours, zone, i18n.language, (severity) => t(`severity.${severity}`));
    });
    painted.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      resized.disconnect();
      painted.disconnect();
      plot.destroy();
    };
  }, [hours, zone, i18n.language, t]);
  return <div ref={place} className="hours-chart" role="img" aria-label={label} />;
}

function draw(
  element: HTMLElement,
  hours: readonly HourLine[],
  zone: string,
  language: string,
  name: (severity: string) => string,
): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (variable: string) => style.getPropertyValue(variable).trim();
  const bars = uPlot.paths.bars?.({ size: [0.8, 60], align: 1 });
  const time = new Intl.DateTimeFormat(language, {
    timeZone: zone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const day = new Intl.DateTimeFormat(language, {
    timeZone: zone,
    day: "numeric",
    month: "short",
  });
  const long = hours.length > 48;
  const axis = {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const data = stacked(hours);
  const [times] = data;
  const last = times.at(-1) ?? 0;
  return new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        // The last bar has its hour, too.
        x: { time: true, range: [times[0] ?? 0, last + 3600] },
        y: { range: (_, __, most) => [0, Math.max(4, Math.ceil(most * 1.08))] },
      },
      axes: [
        {
          ...axis,
          values: (_, splits) =>
            splits.map((at) => (long ? day : time).format(new Date(at * 1000))),
        },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000] },
      ],
      series: [
        {},
        ...SEVERITIES.map((severity) => ({
          label: name(severity),
          fill: colour(`--${severity}`),
          width: 0,
          points: { show: false },
          ...(bars ? { paths: bars } : {}),
        })),
      ],
    },
    data,
    element,
  );
}
