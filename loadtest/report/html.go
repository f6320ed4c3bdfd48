package report

func (s *Summary) html() ([]byte, error) { return nil, nil }
