package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '70b7df3bdc2630d0b16f62b39aa212c8d517a782366a1de5f80afa3e765619e6'
  static final String JOBS_SUM = '9e589fe27769da659840666c4f5051373a6af4f5e360fc20bf5e45b7b064dc14'

  private static final long serialVersionUID = 1L
}
