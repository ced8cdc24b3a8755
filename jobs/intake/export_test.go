package intake

// Guarded runs a step as a workbook runs those of the XLSX library.
func Guarded(step func() error) error { return (&workbook{name: "list.xlsx"}).guard(step) }
