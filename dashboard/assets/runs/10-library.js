/* AG Grid, taken out of the script of dash-ag-grid.

   The script is the package's own, unchanged. It holds AG Grid (community) as one module of its bundle and keeps it to itself; the
   bundle's runtime hands a module to whoever pushes a chunk that asks, which is how its own parts find one another. So the table
   talks to AG Grid itself: no React in each cell, no functions as text. */
(root => {
  'use strict';
  const crossboard = root.crossboard;
  let library = null;

  /** The AG Grid module: createGrid, themeQuartz, ... Throws where the bundle is not what was expected. */
  function agGrid() {
    if (library) return library;
    const chunks = root.webpackChunkdash_ag_grid;
    if (!chunks) throw new Error('AG Grid is not there: dash-ag-grid is missing or of another make');
    chunks.push([['crossboard-runs'], {}, runtime => {
      const found = Object.keys(runtime.m).find(id => runtime.m[id].toString().includes('createGrid:()=>'));
      if (found !== undefined) library = runtime(found);
    }]);
    if (!library || typeof library.createGrid !== 'function') throw new Error('AG Grid is not in this dash-ag-grid; another version of it is installed than the board knows');
    return library;
  }

  /** The board's look for AG Grid: every value is a token, so that light and dark need nothing more. */
  function theme() {
    const v = name => `var(--cb-${name})`;
    return agGrid().themeQuartz.withParams({
      backgroundColor: v('surface'), foregroundColor: v('ink'), textColor: v('ink'), headerBackgroundColor: v('surface'), headerTextColor: v('ink-3'), headerFontWeight: 400, headerFontSize: v('t-meta'),
      accentColor: v('ink'), borderColor: v('line'), chromeBackgroundColor: v('canvas'), fontFamily: v('font'), fontSize: v('t-body'), dataFontSize: v('t-body'), rowHoverColor: v('hover'), selectedRowBackgroundColor: v('select'),
      oddRowBackgroundColor: v('surface'), rowHeight: 29, headerHeight: 28, spacing: 5, cellHorizontalPadding: 9, wrapperBorder: false, wrapperBorderRadius: 0, borderRadius: 5, iconSize: 12, iconColor: v('ink-3'),
      headerColumnBorder: false, headerRowBorder: {color: v('line-2'), width: 1}, rowBorder: {color: v('line'), width: 1}, columnBorder: false, pinnedColumnBorder: {color: v('line'), width: 1}, headerColumnResizeHandleColor: 'transparent',
      checkboxCheckedBackgroundColor: v('ink'), checkboxCheckedShapeColor: v('ink-inv'), checkboxUncheckedBorderColor: v('line-3'), checkboxUncheckedBackgroundColor: v('surface'), checkboxBorderRadius: 3, checkboxCheckedBorderColor: v('ink'), checkboxIndeterminateBackgroundColor: v('ink'), checkboxIndeterminateBorderColor: v('ink'), checkboxIndeterminateShapeColor: v('ink-inv'),
      inputFocusBorder: {color: v('focus'), width: 1}, focusShadow: `0 0 0 3px ${v('focus-soft')}`, inputBackgroundColor: v('surface'), inputBorder: {color: v('line-2'), width: 1}, menuBackgroundColor: v('raised'), popupShadow: v('pop'), menuShadow: v('pop'),
      cellEditingBorder: {color: v('focus'), width: 2}, cellEditingShadow: 'none', rangeSelectionBorderColor: v('focus'), tooltipBackgroundColor: v('raised'), tooltipTextColor: v('ink'), browserColorScheme: 'inherit',
    });
  }

  crossboard.gridLibrary = {agGrid, theme};
})(window);
