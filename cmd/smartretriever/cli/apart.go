package cli

// apart has everything kept in a folder that is gone afterwards, whatever is configured:
// what is tried out must not come among the documents of a server, and a new store would
// take the originals of a bucket for strays.
func (a *app) apart(dir string) {
	c := &a.cfg
	c.Data = dir
	c.Store.Name = "sqlite"
	c.Blobs.Name, c.Blobs.Folder, c.Blobs.Presign = "folder", "", false
	if c.Index.Vectors != "faiss" {
		c.Index.Vectors = "builtin"
	}
	c.Index.Database.Words = false
	if c.Cache.Name == "redis" {
		c.Cache.Name = "memory"
	}
}
