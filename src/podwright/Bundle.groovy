package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '10dcaeaace47b29a32a961fe35602cbeb5d149eb8c2d9c9821ea79d248023b74'
  static final String JOBS_SUM = 'e5f21ac7732bbfe1c7b71fbda1394feb8b1918bf54bfa613dde3491ee09653d0'

  private static final long serialVersionUID = 1L
}
