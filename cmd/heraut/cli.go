package main

import (
	"io"

	"github.com/alecthomas/kong"
)

// commands is the command line. Each field's type stands in the file of its
// name.
type commands struct {
	globals

	Init          initCmd          `cmd:"" help:"Write heraut.yaml, programme.yaml and registrations.csv to start from."`
	Demo          demoCmd          `cmd:"" help:"Rehearse the whole programme with sample people; sends nothing outside."`
	Rehearse      rehearseCmd      `cmd:"" help:"Rehearse your own programme with your own people; sends nothing outside."`
	Programme     programmeCmd     `cmd:"" help:"Check, show or apply the programme file."`
	Import        importCmd        `cmd:"" help:"Read registrations from a CSV or XLSX file."`
	Register      registerCmd      `cmd:"" help:"Register one person."`
	Cancel        cancelCmd        `cmd:"" help:"Cancel one person's registration."`
	Approve       approveCmd       `cmd:"" help:"Let in a person whom the audience rule holds."`
	Registrations registrationsCmd `cmd:"" help:"List registrations."`
	Plan          planCmd          `cmd:"" help:"Every message: to whom, when, and why not."`
	Why           whyCmd           `cmd:"" help:"Everything about one person, in sentences."`
	Status        statusCmd        `cmd:"" help:"Counts; cheap, may be polled."`
	Messages      messagesCmd      `cmd:"" help:"The ledger of messages, and decisions about them."`
	Campaign      campaignCmd      `cmd:"" help:"Mail that you write yourself, to many people at once."`
	Suppress      suppressCmd      `cmd:"" help:"Addresses that are written to no more."`
	Templates     templatesCmd     `cmd:"" help:"The templates of the mails."`
	Serve         serveCmd         `cmd:"" help:"Run worker and web side until SIGTERM."`
	Migrate       migrateCmd       `cmd:"" help:"Bring the database to this version's schema."`
	Version       versionCmd       `cmd:"" help:"Print the version."`
}

// printHelp lays out the help of the whole by hand, that of a command by kong.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if ctx.Selected() == nil {
		_, err := io.WriteString(ctx.Stdout, usage)
		return err
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

const usage = `Usage: heraut [--config FILE] [--json] [--lang nl|en] COMMAND

To start:
  init [DIR]                      write heraut.yaml, programme.yaml, registrations.csv
  demo                            rehearse the whole programme with sample people
  rehearse FILE --event ID        the same with your own programme and people

The programme and the people:
  programme check|show|apply      the programme file: validate, show, put in force
  import FILE --event ID          registrations from CSV or XLSX
  register, cancel, approve       one person
  registrations                   list them
  plan                            every message: who gets what, when, why not
  why EMAIL                       everything about one person

Sending:
  serve                           run until SIGTERM
  status                          counts; cheap, may be polled
  messages [show|retry|resolve]   the ledger, and decisions about failed or doubtful mail
  campaign new|preview|test|send  mail of your own to many people, once
  campaign pause|resume|cancel|status|list
  suppress add|remove|list        addresses that are written to no more

Operations:
  templates export DIR            the built-in templates, to change
  migrate                         bring the database to this version's schema
  version

Without a configuration file everything is embedded under ./heraut-data, and
mail is captured in ./heraut-data/mail instead of sent.

Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 done in part.
Run "heraut COMMAND --help" for a command's flags.
`
