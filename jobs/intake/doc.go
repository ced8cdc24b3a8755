// Package intake reads registrations from the files organisers really have:
// a Gravity Forms or pretix export, a Microsoft Forms workbook, a list typed
// in Excel and saved as CSV.
//
// [Open] tells CSV from XLSX by content, finds encoding, separator and columns
// by itself, and gives a [Reader]. Each call of [Reader.Next] gives one row
// whose address is a valid [jobs.Address]; a row that is not comes back as
// [*Refusal] with its line, and reading goes on. Only what leaves the rest of
// the file in doubt (a quote that is never closed, a broken workbook) ends it,
// as [*FileError]. Both name the file, the line and what is wrong, never the
// address, so that they may be logged.
//
// The package holds one record at a time: a file of any size is read in a few
// megabytes (CSV) or within [maxUnzipped] (XLSX, whose format forces the whole
// archive into memory). It keeps no state between files: that the same address
// stands in a file twice, or was read last week, is known to who stores rows.
package intake
