package devcluster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// freshData is a new database cluster, with its role and its database, in memory (40 MB).
// initdb takes a processor for more than a second; a process that starts a server in a
// temporary directory is a test, and starts a dozen.
type freshData struct {
	password string
	files    []freshFile // a directory before what is in it
}

type freshFile struct {
	name    string // within the data directory
	mode    fs.FileMode
	content []byte
}

// fresh has what this process has made, by the directory of PostgreSQL's programs.
var fresh = struct {
	sync.Mutex
	data map[string]*freshData
}{data: make(map[string]*freshData)}

// initialize makes a database cluster with one role, which has a password, and one
// database: a copy of what this process has made before, if it keeps that.
func (p *Postgres) initialize(ctx context.Context) error {
	fresh.Lock()
	d := fresh.data[p.options.Bin]
	if d == nil && p.temporary {
		defer fresh.Unlock() // who comes meanwhile shall copy
		return p.makeFresh(ctx)
	}
	fresh.Unlock()
	if d == nil {
		return p.makeData(ctx)
	}
	if err := p.copyFresh(d); err != nil {
		return p.discard(err)
	}
	return nil
}

// makeFresh makes the data and keeps a copy.
func (p *Postgres) makeFresh(ctx context.Context) error {
	if err := p.makeData(ctx); err != nil {
		return err
	}
	d, err := p.readFresh()
	if err == nil {
		fresh.data[p.options.Bin] = d
	}
	return err
}

// readFresh reads the data of a server that was never started.
func (p *Postgres) readFresh() (*freshData, error) {
	d := &freshData{password: p.password}
	root := p.dataDir()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f := freshFile{}
		if f.name, err = filepath.Rel(root, path); err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if f.mode = info.Mode(); f.mode.IsRegular() {
			f.content, err = os.ReadFile(path)
		}
		d.files = append(d.files, f)
		return err
	})
	return d, err
}

// copyFresh writes it as the server's.
func (p *Postgres) copyFresh(d *freshData) error {
	p.password = d.password
	if err := errors.Join(p.write(p.passwordFile(), p.password), os.RemoveAll(p.dataDir())); err != nil {
		return err
	}
	for _, f := range d.files {
		name := filepath.Join(p.dataDir(), f.name)
		var err error
		if f.mode.IsDir() {
			err = os.Mkdir(name, f.mode.Perm())
		} else {
			err = os.WriteFile(name, f.content, f.mode.Perm())
		}
		if err := errors.Join(err, p.chown(name)); err != nil {
			return err
		}
	}
	return nil
}
