// SPDX-License-Identifier: MIT
// The report is whole without this: it sorts, zooms, and finds an operator again.
"use strict";

(() => {
	const all = (selector, of = document) => [...of.querySelectorAll(selector)];

	// --- Light and dark --------------------------------------------------

	const theme = document.getElementById("theme");
	const system = matchMedia("(prefers-color-scheme: dark)");
	let isDark = null; // the system's choice

	const isShownDark = () => isDark ?? system.matches;

	const showTheme = () => {
		if (isDark !== null)
			document.documentElement.style.colorScheme =
				isDark ? "dark" : "light";
		theme.textContent = isShownDark() ? "Light" : "Dark";
	};

	theme.hidden = false;
	theme.addEventListener("click", () => {
		isDark = !isShownDark();
		showTheme();
	});
	system.addEventListener("change", showTheme);
	showTheme();

	// --- Tables ----------------------------------------------------------

	const valueOf = (row, column) => {
		const value = row.cells[column].dataset.value;

		return isNaN(value) ? value : Number(value);
	};

	const sortBy = (table, head) => {
		const column = head.cellIndex;
		const isText = head.classList.contains("text");
		const down = head.hasAttribute("aria-sort") ?
			head.getAttribute("aria-sort") === "ascending" : !isText;
		const body = table.tBodies[0];
		const rows = [...body.rows];

		rows.sort((a, b) => {
			const x = valueOf(a, column), y = valueOf(b, column);

			return (x > y ? 1 : x < y ? -1 : 0) * (down ? -1 : 1);
		});
		body.append(...rows);
		all("th", table).forEach(th => th.removeAttribute("aria-sort"));
		head.setAttribute("aria-sort", down ? "descending" : "ascending");
	};

	all("table.sortable").forEach(table =>
		all("th", table).forEach(head =>
			head.firstElementChild.addEventListener("click", () =>
				sortBy(table, head))));

	// --- An operator in all charts ---------------------------------------

	let chosen = null;

	const choose = layer => {
		chosen = layer === chosen ? null : layer;
		document.body.classList.toggle("chosen", chosen !== null);
		all("[data-layer]").forEach(element => {
			const is = element.dataset.layer === chosen;

			element.classList.toggle("is-chosen", is);
			if (element.tagName === "TR")
				element.setAttribute("aria-selected", is);
		});
	};

	all("tr[data-layer]").forEach(row => {
		row.addEventListener("click", () => choose(row.dataset.layer));
		row.addEventListener("keydown", event => {
			if (event.key !== "Enter" && event.key !== " ")
				return;
			event.preventDefault();
			choose(row.dataset.layer);
		});
	});
	document.addEventListener("keydown", event => {
		if (event.key === "Escape" && chosen !== null)
			choose(chosen);
	});

	// --- Zoom ------------------------------------------------------------

	const plots = all("svg.time");
	const cycles = Number(plots[0].dataset.cycles);
	const least = Math.min(cycles, 50);
	const left = plots[0].x.baseVal.value, width = plots[0].width.baseVal.value;
	let from = 0, to = cycles;

	const place = cycle => left + width * (cycle - from) / (to - from);

	const make = (name, attributes, text) => {
		const element = document.createElementNS(
			"http://www.w3.org/2000/svg", name);

		for (const key in attributes)
			element.setAttribute(key, attributes[key]);
		element.textContent = text;
		return element;
	};

	const stepOf = range => {
		const power = 10 ** Math.floor(Math.log10(range / 8));

		return Math.max(1, power * [1, 2, 5, 10].find(n =>
			n * power * 8 >= range));
	};

	const drawAxis = axis => {
		const step = stepOf(to - from), y = Number(axis.dataset.y);

		axis.replaceChildren();
		for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
			const x = place(at).toFixed(1);

			axis.append(make("path", { class: "rule",
						   d: `M${x} ${y}v5` }, ""));
			axis.append(make("text", { class: "soft", x, y: y + 19,
				"text-anchor": "middle" },
				at.toLocaleString("en-US")));
		}
	};

	const placeLabel = label => {
		const start = Math.max(from, Number(label.dataset.start));
		const end = Math.min(to, Number(label.dataset.end));
		const room = place(end) - place(start);

		label.setAttribute("x", (place(start) + place(end)) / 2);
		label.setAttribute("visibility", room < 22 ? "hidden" : "visible");
	};

	const show = (start, end) => {
		const range = Math.min(cycles, Math.max(least, end - start));

		from = Math.round(Math.min(Math.max(0, start), cycles - range));
		to = Math.round(from + range);
		plots.forEach(plot => {
			const box = plot.viewBox.baseVal;

			plot.setAttribute("viewBox",
				`${from} 0 ${to - from} ${box.height}`);
		});
		all(".axis").forEach(drawAxis);
		all(".time-labels text").forEach(placeLabel);
	};

	const zoom = (factor, at = (from + to) / 2) =>
		show(at - (at - from) * factor, at + (to - at) * factor);

	const move = part => show(from + part * (to - from), to + part * (to - from));

	const actions = {
		in: () => zoom(0.5),
		out: () => zoom(2),
		left: () => move(-0.25),
		right: () => move(0.25),
		all: () => show(0, cycles),
	};
	const keys = { "+": "in", "=": "in", "-": "out", ArrowLeft: "left",
		       ArrowRight: "right", 0: "all" };

	document.getElementById("zoom").hidden = false;
	all("[data-zoom]").forEach(button =>
		button.addEventListener("click", actions[button.dataset.zoom]));
	all("#time svg.chart").forEach(chart => {
		chart.setAttribute("tabindex", "0");
		chart.addEventListener("keydown", event => {
			if (!(event.key in keys))
				return;
			event.preventDefault();
			actions[keys[event.key]]();
		});
	});

	// Where a pointer is, in cycles.
	const cycleAt = (plot, event) => {
		const matrix = plot.getScreenCTM();
		const cycle = (event.clientX - matrix.e) / matrix.a;

		return Math.min(to, Math.max(from, cycle));
	};

	plots.forEach(plot => {
		let start = null, range = null, block = null;

		plot.addEventListener("pointerdown", event => {
			start = cycleAt(plot, event);
			block = event.target;
			range = make("rect", { id: "range", y: 0, height:
				plot.viewBox.baseVal.height, x: start, width: 0 }, "");
			plot.append(range);
			plot.setPointerCapture(event.pointerId);
		});
		plot.addEventListener("pointermove", event => {
			if (!range)
				return;
			const at = cycleAt(plot, event);

			range.setAttribute("x", Math.min(start, at));
			range.setAttribute("width", Math.abs(at - start));
		});
		plot.addEventListener("pointerup", event => {
			const at = cycleAt(plot, event);

			range.remove();
			range = null;
			if (Math.abs(at - start) > (to - from) / 200)
				show(Math.min(start, at), Math.max(start, at));
			else if (block.dataset.layer)
				choose(block.dataset.layer);
		});
		plot.addEventListener("pointercancel", () => {
			range.remove();
			range = null;
		});
		plot.addEventListener("wheel", event => {
			if (!event.ctrlKey)
				return;
			event.preventDefault();
			zoom(event.deltaY > 0 ? 1.25 : 0.8, cycleAt(plot, event));
		}, { passive: false });
	});
})();
