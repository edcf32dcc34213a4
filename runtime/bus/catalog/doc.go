// Package catalog is the table of contents of buses: by the name of a driver, how
// to open one, what it takes and what it promises.
//
// # In
//
// A driver's name and settings, as a Bus in Git or its lowering gives them. The
// names are those of schema/contract.
//
// # Out
//
// An open bus.Driver with its bus.Promises; an error that says what is missing,
// never a secret.
//
// # Reads
//
// catalog.go is the table; settings.go reads settings.
package catalog
