/** A table that sorts by its headings. */
import {
  type ColumnDef,
  flexRender,
  getCoreRowModel,
  getSortedRowModel,
  type SortingState,
  useReactTable,
} from "@tanstack/react-table";
import { useState } from "react";
import { useTranslation } from "react-i18next";

interface TableProps<T> {
  /** For a screen reader. */
  label: string;
  rows: readonly T[];
  // biome-ignore lint/suspicious/noExplicitAny: a column's value may be anything
  columns: ColumnDef<T, any>[];
  rowId: (row: T) => string;
  sorting?: SortingState;
}

/** `columns` and `rows` should be the same objects while nothing changed (useMemo). */
export function Table<T>({ label, rows, columns, rowId, sorting: first = [] }: TableProps<T>) {
  const { t } = useTranslation();
  const [sorting, setSorting] = useState<SortingState>(first);
  const table = useReactTable({
    data: rows as T[],
    columns,
    state: { sorting },
    onSortingChange: setSorting,
    getRowId: rowId,
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
  });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-wrap" aria-label={label} tabIndex={0}>
      <table className="table">
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => {
                const sorted = header.column.getIsSorted();
                const text = flexRender(header.column.columnDef.header, header.getContext());
                return (
                  <th
                    key={header.id}
                    scope="col"
                    aria-sort={
                      sorted === "asc" ? "ascending" : sorted === "desc" ? "descending" : undefined
                    }
                  >
                    {header.column.getCanSort() ? (
                      <button type="button" onClick={header.column.getToggleSortingHandler()}>
                        {text}
                        {sorted ? (
                          <>
                            <span aria-hidden="true">{sorted === "asc" ? " ▲" : " ▼"}</span>
                            <span className="hidden-text">
                              {t(sorted === "asc" ? "sort.ascending" : "sort.descending")}
                            </span>
                          </>
                        ) : null}
                      </button>
                    ) : (
                      text
                    )}
                  </th>
                );
              })}
            </tr>
          ))}
        </thead>
        <tbody>
          {table.getRowModel().rows.map((row) => (
            <tr key={row.id}>
              {row.getVisibleCells().map((cell) => (
                <td key={cell.id}>{flexRender(cell.column.columnDef.cell, cell.getContext())}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
